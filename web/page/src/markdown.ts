// Answers as HTML: markdown, code, mathematics. What a model writes is not to be
// trusted: the HTML is purified, and no picture of another host is shown.
import MarkdownIt from "markdown-it";
import katex from "@vscode/markdown-it-katex";
import DOMPurify from "dompurify";
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

for (const [name, language] of Object.entries({ bash, c, cpp, css, go, java, javascript, json, markdown, python, rust, sql, typescript, xml, yaml })) hljs.registerLanguage(name, language);

const md = new MarkdownIt({
  linkify: true, breaks: true,
  highlight: (code, language) => (hljs.getLanguage(language) ? hljs.highlight(code, { language, ignoreIllegals: true }).value : ""),
}).use((katex as unknown as { default?: typeof katex }).default ?? katex, { throwOnError: false });

// Pictures of other hosts would be fetched as soon as they are shown: they are
// links instead.
md.renderer.rules.image = (tokens, at) => {
  const src = String(tokens[at].attrGet("src") ?? "");
  return `<a href="${md.utils.escapeHtml(src)}">${md.utils.escapeHtml(tokens[at].content || src)}</a>`;
};

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
});

/** render returns the HTML of a text; \( \) and \[ \] are mathematics too. */
export function render(text: string): string {
  const dollars = text.split(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)/).map((part, i) => i % 2 ? part : part.replace(/\\\[([\s\S]+?)\\\]/g, (_, m) => `$$${m}$$`).replace(/\\\((.+?)\\\)/g, (_, m) => `$${m.trim()}$`)).join("");
  return DOMPurify.sanitize(md.render(dollars), { USE_PROFILES: { html: true, mathMl: true, svg: true }, FORBID_TAGS: ["style", "form", "input", "button", "img", "video", "audio", "iframe"] });
}
