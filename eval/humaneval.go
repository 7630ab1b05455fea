package eval

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"pixtral-wgpu/remote"
)

const (
	humanevalTokens  = 1024
	humanevalPrompt  = "Complete the following Python function. Answer with the whole function, its imports included, in one code block.\n\n```python\n"
	humanevalSeconds = 5
)

// HumanEval asks for a function and runs the tests that come with it (pass@1
// of one greedy answer, arXiv 2107.03374). That runs what a model wrote: it
// must be allowed, and happens in a subprocess with bounds.
var humaneval = &Task{
	Name: "humaneval", Source: "openai/openai_humaneval", Split: "test",
	Metrics: []Metric{{Name: "pass@1", About: "the tests pass", Most: 1, score: runTests}},
	known:   []Known{announced(72.0), paper(72.0)},
	items: func(row Row, n int) ([]Item, error) {
		var program humanevalProgram
		for column, to := range map[string]*string{"prompt": &program.prompt, "test": &program.test, "entry_point": &program.entry} {
			var err error
			if *to, err = row.text(column); err != nil {
				return nil, err
			}
		}
		items := one(row.optional("task_id"), n, ask(humanevalTokens, remote.Text(humanevalPrompt+program.prompt+"```")), nil, nil)
		items[0].check = program
		return items, nil
	},
}

type humanevalProgram struct{ prompt, test, entry string }

var codeBlock = regexp.MustCompile("(?s)```(?:[Pp]ython3?|py)?[ \t]*\n(.*?)(?:```|$)")

// source puts the program to be run together: the answer's code block that
// defines the function; a bare body goes on behind the prompt.
func (p humanevalProgram) source(answer string) string {
	define := "def " + p.entry
	code := answer
	for _, block := range codeBlock.FindAllStringSubmatch(answer, -1) {
		if code = block[1]; strings.Contains(code, define) {
			break
		}
	}
	if strings.Contains(code, define) {
		before, _, _ := strings.Cut(p.prompt, define) // imports and helpers that the prompt gave
		code = before + "\n" + code
	} else {
		code = p.prompt + code
	}
	return code + "\n\n" + p.test + "\n\ncheck(" + p.entry + ")\n"
}

var errCode = errors.New("humaneval runs code that the model wrote; allow it with --run-code, best in a container")

// runTests scores 1 if the program ends well within its bounds.
func runTests(ctx context.Context, with scoring, item *Item, answers []string) (Judgement, error) {
	if !with.runCode {
		return Judgement{}, errCode
	}
	dir, err := os.MkdirTemp("", "humaneval-")
	if err != nil {
		return Judgement{}, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "program.py")
	if err := os.WriteFile(file, []byte(item.check.(humanevalProgram).source(answers[len(answers)-1])), 0o600); err != nil {
		return Judgement{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, humanevalSeconds*time.Second)
	defer cancel()
	cmd, err := limited(ctx, file)
	if err != nil {
		return Judgement{}, err
	}
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "PYTHONDONTWRITEBYTECODE=1"}
	var exit *exec.ExitError
	switch out, err := cmd.CombinedOutput(); {
	case err == nil:
		return Judgement{Score: 1}, nil
	case errors.As(err, &exit), ctx.Err() != nil && context.Cause(ctx) == context.DeadlineExceeded:
		return Judgement{Words: tail(string(out))}, nil
	default:
		return Judgement{}, fmt.Errorf("python3 does not start: %w", err)
	}
}

// tail returns the end of what a program printed: its error.
func tail(s string) string {
	const most = 500
	if r := []rune(s); len(r) > most {
		return "…" + string(r[len(r)-most:])
	}
	return s
}
