//go:build unix

package chat

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"pixtral-wgpu/remote/fake"
)

// A terminal is a pseudo terminal with a chat on it, and what a person would
// see there.
type terminal struct {
	t      *testing.T
	tty    *os.File
	mu     sync.Mutex
	shown  bytes.Buffer
	screen *vt.Emulator
	ended  chan error
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
	x := &terminal{t: t, tty: master, screen: vt.NewEmulator(80, 24), ended: make(chan error, 1)}
	go func() { _, _ = io.Copy(master, x.screen) }() // what a terminal answers when it is asked
	go func() {
		x.ended <- Run(t.Context(), c, slave, slave, "hello there")
		close(x.ended)
	}()
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			x.mu.Lock()
			x.shown.Write(buffer[:n])
			_, _ = x.screen.Write(buffer[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		for range x.ended { // the test's context has ended the chat
		}
		slave.Close()
		master.Close()
	})
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

// see waits until the screen, as it stands, satisfies ok.
func (x *terminal) see(what string, ok func(screen string) bool) {
	x.t.Helper()
	for range 500 {
		if ok(x.look()) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	x.t.Fatalf("%s: there is\n%s", what, x.look())
}

func (x *terminal) look() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

// resize makes the terminal another size, and says so as a terminal does.
func (x *terminal) resize(columns, rows int) {
	x.t.Helper()
	if err := pty.Setsize(x.tty, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}); err != nil {
		x.t.Fatal(err)
	}
	x.mu.Lock()
	x.screen.Resize(columns, rows)
	x.mu.Unlock()
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil { // which the pty sends only to who holds it
		x.t.Fatal(err)
	}
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
	x.wait("word word")
	x.keys("\x03")
	x.wait("stopped")
	slow = false
	if kept := c.Turns[3].Text; !strings.HasPrefix(kept, "word word") || len(kept) > 4000 {
		t.Errorf("of the answer that was stopped %d bytes are kept", len(kept))
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

func TestResize(t *testing.T) {
	c := talk(t, fake.New(t, fake.Says(strings.Repeat("many words and more ", 20))))
	x := open(t, c)
	x.wait("hello there")
	x.keys("Why?\r")
	long := func(most int) func(string) bool {
		return func(screen string) bool {
			longest := 0
			for line := range strings.Lines(screen) {
				if strings.Contains(line, "many words") {
					longest = max(longest, len(strings.TrimSpace(line)))
				}
			}
			return longest <= most && longest > most-25 && !strings.Contains(screen, "Ctrl-C stops")
		}
	}
	x.see("an answer as wide as the terminal", long(78))
	x.resize(40, 12)
	x.keys("/retry\r")
	x.wait("again")
	x.see("an answer in a narrow terminal", long(38))
	x.keys("/help\r") // higher than the terminal
	x.see("help, and the box whole below it", func(s string) bool {
		return strings.Contains(s, "Enter sends") && strings.Contains(s, "> Ask something; /help")
	})
	x.keys("a question that is longer than the line of the terminal")
	x.see("a question over two lines", func(s string) bool {
		return strings.Contains(s, "> a question that is longer than the") && regexp.MustCompile(`(?m)^\s+(line of|of the|terminal)`).MatchString(s)
	})
	x.resize(100, 30)
	x.see("a question on one line", func(s string) bool { return strings.Contains(s, "longer than the line of the terminal") })
}

// Pictures come by /paste from the clipboard, by a file dropped on the
// terminal, and by several paths, quoted or not.
func TestPictures(t *testing.T) {
	bin := t.TempDir()
	for _, tool := range []string{"wl-paste", "pngpaste"} {
		if err := os.WriteFile(filepath.Join(bin, tool), []byte("#!/bin/sh\nprintf 'from the clipboard'\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	png := "\x89PNG\r\n\x1a\n and so on"
	cat, dog := picture(t, "my cat.png", png), picture(t, "dog.png", png)
	c := talk(t, fake.New(t, fake.Says("seen")))
	x := open(t, c)
	x.wait("hello there")

	x.keys("/paste\r")
	x.wait("clipboard: seen as 32 x 16 pixels")
	x.keys("/image '" + cat + "' " + dog + "\r")
	x.wait("dog.png: seen as")
	x.keys("\x1b[200~" + strings.ReplaceAll(cat, " ", `\ `) + "\x1b[201~")
	x.wait("my cat.png: seen as")
	x.keys("\x1b[200~file://" + strings.ReplaceAll(cat, " ", "%20") + "\x1b[201~")
	x.wait("my cat.png: seen as")
	x.see("the pictures that wait", func(s string) bool { return strings.Contains(s, "[1: clipboard]") && strings.Contains(s, "[5: ") })
	x.keys("\x1b[200~dog.png\x1b[201~ is a name\r") // no path: words
	x.wait("seen")
	if got := c.Turns[0]; got.Text != "dog.png is a name" || len(got.Images) != 5 || string(got.Images[0].File) != "from the clipboard" {
		t.Errorf("said %q with %d pictures", got.Text, len(got.Images))
	}
	x.keys("/what\r")
	x.wait("▀")
	t.Setenv("TERM_PROGRAM", "WezTerm") // which shows sixels
	x.keys("/what 1\r")
	x.wait("\x1bP0;0;8q")
	x.keys("Well?\r")
	x.see("an answer below the picture", func(s string) bool { return strings.Contains(s, "> Well?") && strings.Contains(s, "seen") })
}

// Ctrl-C stops what takes long, be it a picture from far away, and nothing else
// is lost: a message whose answer fails, the answer that /retry was to replace.
func TestStopping(t *testing.T) {
	fails := false
	c := talk(t, fake.New(t, func(int64, string) (string, int) {
		if fails {
			return "out of memory", http.StatusInternalServerError
		}
		return "fine", http.StatusOK
	}))
	read := c.Read
	c.Read = func(ctx context.Context, source string) ([]byte, error) {
		if strings.HasPrefix(source, "https:") {
			<-ctx.Done()
			return nil, errors.Join(errors.New("broke off"), ctx.Err())
		}
		return read(ctx, source)
	}
	x := open(t, c)
	x.wait("hello there")
	x.keys("/image https://far.example/cat.png\r")
	x.wait("working")
	x.keys("\r")
	x.wait("one thing after the other")
	x.keys("\x03")
	x.wait("stopped")
	x.keys("How are you?\r")
	x.wait("fine")
	fails = true
	x.keys("/retry\r")
	x.wait("out of memory")
	if len(c.Turns) != 2 || c.Turns[1].Text != "fine" {
		t.Errorf("after a retry that failed there is %+v", c.Turns)
	}
	x.keys("And you?\r")
	x.wait("out of memory")
	fails = false
	x.keys("\x1b[A") // the message is in the history
	x.see("the message again", func(s string) bool { return strings.Contains(s, "> And you?") })
	x.keys("\r")
	x.wait("fine")
	x.keys("draft\x03")
	x.see("an empty box", func(s string) bool { return strings.Contains(s, "Ask something") })
	x.keys("/exit\r")
	if err := <-x.ended; err != nil {
		t.Error(err)
	}
}
