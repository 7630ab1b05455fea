//go:build unix

package chat

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"pixtral-wgpu/remote/fake"
)

// A terminal is a pseudo terminal with a chat on it.
type terminal struct {
	t     *testing.T
	tty   *os.File
	mu    sync.Mutex
	shown bytes.Buffer
	ended chan error
}

func open(t *testing.T, c *Conversation) *terminal {
	t.Helper()
	t.Setenv("TERM", "xterm-256color")
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, tty: master, ended: make(chan error, 1)}
	go func() { x.ended <- Run(t.Context(), c, slave, slave, "hello there") }()
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			x.mu.Lock()
			x.shown.Write(buffer[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { slave.Close(); master.Close() })
	return x
}

var escape = regexp.MustCompile(`\x1b(\[[0-9;?<>=]*[a-zA-Z@]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>])`)

// text is all that was written to the terminal, without escapes.
func (x *terminal) text() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return escape.ReplaceAllString(x.shown.String(), "")
}

// wait waits until something new is shown and forgets what came before it.
func (x *terminal) wait(want string) {
	x.t.Helper()
	for range 500 {
		if text := x.text(); strings.Contains(text, want) {
			x.mu.Lock()
			x.shown.Reset()
			x.mu.Unlock()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	x.t.Fatalf("%q is not shown; there is %q", want, x.text())
}

func (x *terminal) keys(keys string) {
	x.t.Helper()
	if _, err := x.tty.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

func TestScreen(t *testing.T) {
	slow := false
	e := fake.New(t, func(n int64, body string) (string, int) {
		if slow {
			return strings.Repeat("word ", 1000), http.StatusOK
		}
		if !strings.Contains(body, "pasted") && strings.Contains(body, "YSBwaWN0dXJl") {
			return "It is **a cat**.", http.StatusOK
		}
		return "plain words", http.StatusOK
	})
	c := talk(t, e)
	path := picture(t, "my cat.png", "a picture")
	x := open(t, c)
	x.wait("hello there")

	x.keys("/image " + filepath.Dir(path) + "/my\t")
	time.Sleep(100 * time.Millisecond)
	x.keys("\r")
	x.wait("2 x 1 patches")
	x.keys("What is it?\r")
	x.wait("a cat")
	x.keys("\x1b[200~pasted\nin two lines\x1b[201~") // a bracketed paste is not sent by its line end
	x.wait("in two lines")
	x.keys("\r")
	x.wait("plain words")
	if got := c.Turns[2].Text; got != "pasted\nin two lines" {
		t.Errorf("the message is %q", got)
	}

	e.Pause, slow = 5*time.Millisecond, true
	x.keys("/retry\r")
	x.wait("Ctrl-C stops")
	x.keys("\x03")
	x.wait("stopped")
	slow = false
	if err := pty.Setsize(x.tty, &pty.Winsize{Rows: 10, Cols: 40}); err != nil {
		t.Fatal(err)
	}
	x.keys("/retry\r")
	x.wait("plain words")

	file := filepath.Join(t.TempDir(), "c.json")
	x.keys("/save " + file + "\r")
	x.wait("saved in")
	x.keys("/clear\r")
	x.wait("forgotten")
	x.keys("/load " + file + "\r")
	x.wait("4 messages from")
	x.keys("\x03")
	x.wait("leaves")
	x.keys("\x04")
	select {
	case err := <-x.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Ctrl-D does not leave")
	}
}
