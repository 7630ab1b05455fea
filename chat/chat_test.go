package chat

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pixtral-wgpu/remote"
	"pixtral-wgpu/remote/fake"
)

// talk begins a conversation with an engine; images are any file.
func talk(t *testing.T, e *fake.Engine) *Conversation {
	t.Helper()
	client, err := remote.New(remote.Options{BaseURL: e.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{
		Client: client, Context: 100,
		Read: func(_ context.Context, source string) ([]byte, error) { return os.ReadFile(source) },
		Lens: func(file []byte) (*Sight, error) {
			if strings.HasPrefix(string(file), "not") {
				return nil, errors.New("it is no picture")
			}
			return &Sight{Picture: image.NewRGBA(image.Rect(0, 0, 32, 16)), Cols: 2, Rows: 1, Tokens: 3}, nil
		},
	})
}

func picture(t *testing.T, name, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPlain(t *testing.T) {
	var bodies []string
	e := fake.New(t, func(n int64, body string) (string, int) {
		bodies = append(bodies, body)
		return fmt.Sprintf("answer %d", n), http.StatusOK
	})
	path, file := picture(t, "my cat.png", "a picture"), filepath.Join(t.TempDir(), "saved chat.json")
	script := strings.Join([]string{
		"/system Be brief.", "/set temperature 0", "/image " + path, "What is it?", "/retry", `"""two`, `lines"""`,
		"/save " + file, "/clear", "Again?", "/stats", "/load " + file, "", "/exit", "not read",
	}, "\n")
	var out, notes strings.Builder
	if err := Plain(t.Context(), talk(t, e), strings.NewReader(script), &out, &notes); err != nil {
		t.Fatal(err)
	}
	if out.String() != "answer 1\nanswer 2\nanswer 3\nanswer 4\n" {
		t.Errorf("the answers are %q", out.String())
	}
	for i, want := range [][]string{
		{`"Be brief."`, `"temperature":0`, "data:text/plain; charset=utf-8;base64,YSBwaWN0dXJl", "What is it?"},
		{"YSBwaWN0dXJl", "What is it?"},
		{"answer 2", `two\nlines`},
		{"Be brief.", "Again?"},
	} {
		for _, w := range want {
			if !strings.Contains(bodies[i], w) {
				t.Errorf("request %d lacks %s: %s", i+1, w, bodies[i])
			}
		}
	}
	if strings.Contains(bodies[1], "answer 1") || strings.Contains(bodies[3], "What is it?") {
		t.Error("an answer taken back, or what was cleared, was sent")
	}
	for _, want := range []string{"seen as 32 x 16 pixels, 2 x 1 patches, 3 tokens, 3.0 % of the context", "temperature 0", "saved in " + file,
		"forgotten", "> [" + path + "]\n> What is it?\nanswer 2", "4 messages from", "context: 9 of 100 tokens"} {
		if !strings.Contains(notes.String(), want) {
			t.Errorf("the notes lack %q:\n%s", want, notes.String())
		}
	}
}

func TestMistakes(t *testing.T) {
	c := talk(t, fake.New(t, fake.Says("x")))
	for line, want := range map[string]string{
		"/imag x":            "there is no command /imag; /help shows them",
		"/image":             "which picture?",
		"/image nowhere.png": "image nowhere.png: ",
		"/image 'open":       "a quote is not closed",
		"/image " + picture(t, "paper.png", "not a picture"): "it is no picture",
		"/set colour 3": `there is no setting "colour"`,
		"/set top-p 2":  "top-p is a number from 0 to 1",
		"/what":         "there is no picture yet",
		"/stats":        "there is no answer yet",
		"/undo":         "nothing was said yet",
		"/save":         "where to?",
		"/load " + picture(t, "x.json", `{"turns":[]}`): "is not a saved conversation",
	} {
		name, args, ok := isCommand(line)
		if !ok {
			t.Errorf("%s is no command", line)
			continue
		}
		if _, err := c.run(t.Context(), name, args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	if _, _, ok := isCommand("/home/me/cat.jpg what is it?"); ok {
		t.Error("a path is taken for a command")
	}
}

// A message whose answer fails can be said again, with its pictures.
func TestFailureKeepsTheMessage(t *testing.T) {
	c := talk(t, fake.New(t, func(n int64, _ string) (string, int) {
		if n == 1 {
			return "out of memory", http.StatusInternalServerError
		}
		return "yes", http.StatusOK
	}))
	if _, err := c.Attach(t.Context(), picture(t, "a.png", "a")); err != nil {
		t.Fatal(err)
	}
	if err := c.Say(t.Context(), "Well?", nil); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Fatalf("got %v", err)
	}
	if len(c.Turns) != 0 || len(c.Pending) != 1 {
		t.Fatalf("%d turns, %d pictures wait", len(c.Turns), len(c.Pending))
	}
	if err := c.Say(t.Context(), "Well?", nil); err != nil || len(c.Turns) != 2 || len(c.Turns[0].Images) != 1 {
		t.Errorf("%v, %+v", err, c.Turns)
	}
}

func TestComplete(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"my cat.png", "my dog.png", "other.png"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sub dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"/ima":                       "/image ",
		"/s":                         "/s",
		"/sy":                        "/system ",
		"/set te":                    "/set temperature ",
		"/image " + dir + "/my":      "/image " + dir + `/my\ `,
		"/image " + dir + `/my\ d`:   "/image " + dir + `/my\ dog.png `,
		"/image a.png " + dir + "/o": "/image a.png " + dir + "/other.png ",
		"/image " + dir + "/s":       "/image " + dir + `/sub\ dir/`,
		"/image " + dir + "/x":       "/image " + dir + "/x",
		"hello /ima":                 "hello /ima",
	} {
		if got, _ := complete(line); got != want {
			t.Errorf("%q becomes %q, want %q", line, got, want)
		}
	}
}

func TestHalfBlocks(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 1, 2))
	copy(img.Pix, []byte{255, 0, 0, 255, 0, 0, 255, 255})
	if got := halfBlocks(img); got != "\x1b[38;2;255;0;0m\x1b[48;2;0;0;255m▀\x1b[0m" {
		t.Errorf("got %q", got)
	}
}
