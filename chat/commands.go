package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/mattn/go-shellwords"
)

// ErrLeave is what /exit gives.
var ErrLeave = errors.New("leave")

// A command is a line that begins with a slash. do returns what to print.
type command struct {
	name, args, about string
	paths             bool // its argument is a path
	do                func(c *Conversation, ctx context.Context, args string) (string, error)
}

// commands in the order in which /help shows them. Those without do are done
// elsewhere: /retry makes an answer, /help shows the list itself.
var commands = []command{
	{"image", "PATH|URL...", "add pictures to the next message", true, (*Conversation).image},
	{"paste", "", "add the picture in the clipboard", false, (*Conversation).paste},
	{"what", "[N]", "show a picture as the model sees it", false, (*Conversation).what},
	{"retry", "", "ask again for the last answer", false, nil},
	{"undo", "", "take the last message back", false, (*Conversation).undo},
	{"clear", "", "forget what was said", false, func(c *Conversation, _ context.Context, _ string) (string, error) {
		c.Clear()
		return "forgotten", nil
	}},
	{"system", "[TEXT]", "show or set the system prompt", false, (*Conversation).system},
	{"set", "[NAME VALUE]", "show or set temperature, top-p, top-k, min-p, seed, max-tokens", false, (*Conversation).set},
	{"stats", "", "tokens and times", false, (*Conversation).stats},
	{"save", "FILE", "write the conversation, with its pictures", true, (*Conversation).save},
	{"load", "FILE", "go on with a saved conversation", true, (*Conversation).load},
	{"help", "", "this list", false, nil},
	{"exit", "", "leave (so does Ctrl-D)", false, func(*Conversation, context.Context, string) (string, error) { return "", ErrLeave }},
}

// isCommand splits a line with a slash into a command and its arguments. A
// path such as /home/me/cat.jpg is no command.
func isCommand(line string) (name, args string, ok bool) {
	line, ok = strings.CutPrefix(strings.TrimSpace(line), "/")
	if !ok {
		return "", "", false
	}
	name, args, _ = strings.Cut(line, " ")
	if strings.ContainsAny(name, "/.\n") {
		return "", "", false
	}
	return name, strings.TrimSpace(args), true
}

// run does a command and returns what to print.
func (c *Conversation) run(ctx context.Context, name, args string) (string, error) {
	if name == "help" || name == "?" {
		return help(), nil
	}
	if name == "quit" || name == "bye" {
		name = "exit"
	}
	i := slices.IndexFunc(commands, func(k command) bool { return k.name == name })
	if i < 0 || commands[i].do == nil {
		return "", fmt.Errorf("there is no command /%s; /help shows them", name)
	}
	return commands[i].do(c, ctx, args)
}

func help() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, k := range commands {
		fmt.Fprintf(w, "/%s %s\t%s\n", k.name, k.args, k.about)
	}
	w.Flush()
	b.WriteString("Enter sends, Alt-Enter begins a new line, Tab completes, Ctrl-C stops an answer.")
	return b.String()
}

// image attaches one or several: a path as it stands, or words as a shell
// takes them.
func (c *Conversation) image(ctx context.Context, args string) (string, error) {
	if args == "" {
		return "", errors.New("which picture? /image PATH or URL")
	}
	sources := []string{args}
	if _, err := os.Stat(args); err != nil {
		words, err := shellwords.Parse(args)
		if err != nil || len(words) == 0 {
			return "", fmt.Errorf("a quote is not closed in %s", args)
		}
		sources = words
	}
	var said []string
	for _, source := range sources {
		sight, err := c.Attach(ctx, source)
		if err != nil {
			return strings.Join(said, "\n"), err
		}
		said = append(said, sight.String(source, c.Context))
	}
	return strings.Join(said, "\n"), nil
}

func (c *Conversation) paste(ctx context.Context, _ string) (string, error) {
	file, err := clipboardImage(ctx)
	if err != nil {
		return "", err
	}
	sight, err := c.attach("clipboard", file)
	if err != nil {
		return "", err
	}
	return sight.String("clipboard", c.Context), nil
}

// what draws a picture: the last, or the N-th of those said and pending.
func (c *Conversation) what(_ context.Context, args string) (string, error) {
	var all []Image
	for _, t := range c.Turns {
		all = append(all, t.Images...)
	}
	all = append(all, c.Pending...)
	if len(all) == 0 {
		return "", errors.New("there is no picture yet; /image PATH adds one")
	}
	n := len(all)
	if args != "" {
		var err error
		if n, err = strconv.Atoi(args); err != nil || n < 1 || n > len(all) {
			return "", fmt.Errorf("there are pictures 1 to %d", len(all))
		}
	}
	sight, err := c.Lens(all[n-1].File)
	if err != nil {
		return "", err
	}
	return sight.Draw(c.columns) + "\n" + sight.String(all[n-1].Name, c.Context), nil
}

func (c *Conversation) undo(context.Context, string) (string, error) {
	text, err := c.Undo()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("taken back: %q", text), nil
}

func (c *Conversation) system(_ context.Context, args string) (string, error) {
	if args != "" {
		c.System = args
	}
	if c.System == "" {
		return "there is no system prompt", nil
	}
	return "system: " + c.System, nil
}

func (c *Conversation) stats(context.Context, string) (string, error) {
	if c.Last == nil {
		return "", errors.New("there is no answer yet")
	}
	last := c.Last
	said := fmt.Sprintf("last answer: %d tokens in, %d out, first after %.2f s, %.2f s in all", last.Usage.PromptTokens, last.Usage.CompletionTokens,
		last.FirstToken.Seconds(), last.Took.Seconds())
	if rest := (last.Took - last.FirstToken).Seconds(); last.Usage.CompletionTokens > 1 && rest > 0 {
		said += fmt.Sprintf(", %.1f tok/s", float64(last.Usage.CompletionTokens-1)/rest)
	}
	answers := "answers"
	if c.asked == 1 {
		answers = "answer"
	}
	said += fmt.Sprintf("\nin all: %d %s, %d tokens in, %d out, %.1f s", c.asked, answers, c.in, c.out, c.spent.Seconds())
	if c.Context > 0 {
		used := last.Usage.PromptTokens + last.Usage.CompletionTokens
		said += fmt.Sprintf("\ncontext: %d of %d tokens, %.1f %%", used, c.Context, 100*float64(used)/float64(c.Context))
	}
	return said, nil
}

func (c *Conversation) save(_ context.Context, path string) (string, error) {
	if path == "" {
		return "", errors.New("where to? /save FILE")
	}
	path = expand(unquoted(path))
	return "saved in " + path, c.Save(path)
}

func (c *Conversation) load(_ context.Context, path string) (string, error) {
	if path == "" {
		return "", errors.New("from where? /load FILE")
	}
	path = expand(unquoted(path))
	if err := c.Load(path); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, t := range c.Turns {
		who := map[string]string{"user": "> ", "assistant": ""}[t.Role]
		for _, img := range t.Images {
			fmt.Fprintf(&b, "%s[%s]\n", who, img.Name)
		}
		fmt.Fprintf(&b, "%s%s\n", who, t.Text)
	}
	fmt.Fprintf(&b, "%d messages from %s", len(c.Turns), path)
	return b.String(), nil
}

// unquoted takes a path that a shell or a file manager quoted.
func unquoted(path string) string {
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if words, err := shellwords.Parse(path); err == nil && len(words) == 1 {
		return words[0]
	}
	return path
}

// dropped takes what a terminal pastes when a file is dropped on it: the path
// of a picture, perhaps quoted or as a URL.
func dropped(text string) (path string, ok bool) {
	path = unquoted(strings.TrimSpace(text))
	if u, err := url.Parse(path); err == nil && u.Scheme == "file" {
		path = u.Path
	}
	if !filepath.IsAbs(path) {
		return "", false // a word that happens to be a file's name
	}
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	start := make([]byte, 512)
	n, err := io.ReadFull(f, start)
	return path, n > 0 && (err == nil || err == io.ErrUnexpectedEOF) && strings.HasPrefix(http.DetectContentType(start[:n]), "image/")
}
