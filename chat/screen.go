package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"
	"charm.land/glamour/v2"
	"charm.land/lipgloss/v2"
)

// Run shows the conversation on a terminal until the person leaves.
func Run(ctx context.Context, c *Conversation, in io.Reader, out io.Writer, greeting string) error {
	s := newScreen(ctx, c, greeting)
	p := tea.NewProgram(s, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithFPS(framesPerSecond))
	s.send = p.Send
	_, err := p.Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return nil // ended from outside
	}
	return err
}

const framesPerSecond = 20

// A screen is the lower end of the terminal: the answer that is being made and
// the box to write in. What is finished is printed above it, for good.
type screen struct {
	ctx      context.Context
	c        *Conversation
	send     func(tea.Msg)
	greeting string

	box     textarea.Model
	width   int
	height  int
	history []string // messages and commands, the latest last
	at      int      // in history; its length while writing anew
	draft   string
	hint    string

	busy    string // what is being done, "" if nothing is
	stop    context.CancelFunc
	answer  strings.Builder
	started time.Time
	render  *glamour.TermRenderer
	light   bool // the terminal's background, if it tells
}

// What a screen may be busy with.
const (
	answering = "answering"
	working   = "working"
)

var (
	faint  = lipgloss.NewStyle().Faint(true)
	bold   = lipgloss.NewStyle().Bold(true)
	wrong  = lipgloss.NewStyle().Foreground(lipgloss.Color("9"))
	prompt = "> "
)

func newScreen(ctx context.Context, c *Conversation, greeting string) *screen {
	box := textarea.New()
	box.Placeholder = "Ask something; /help"
	box.SetPromptFunc(len(prompt), func(p textarea.PromptInfo) string {
		if p.LineNumber == 0 {
			return prompt
		}
		return "  "
	})
	box.ShowLineNumbers = false
	box.CharLimit = 0
	box.MaxHeight = 12
	box.SetHeight(1)
	box.KeyMap.InsertNewline.SetKeys("alt+enter", "shift+enter", "ctrl+j")
	return &screen{ctx: ctx, c: c, greeting: greeting, box: box, width: 80, height: 24}
}

// A piece is a part of the answer, an end is its end; a did is what a command
// came to.
type (
	piece string
	end   struct{ err error }
	did   struct {
		what, said string
		err        error
	}
)

func (s *screen) Init() tea.Cmd {
	return tea.Batch(s.box.Focus(), tea.Println(s.greeting), tea.RequestBackgroundColor)
}

func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height, s.render = msg.Width, msg.Height, nil
		s.box.SetWidth(max(10, msg.Width))
		s.fitBox()
		return s, nil
	case tea.BackgroundColorMsg:
		s.light, s.render = !msg.IsDark(), nil
		return s, nil
	case piece:
		s.answer.WriteString(strings.Map(harmless, string(msg)))
		return s, nil
	case end:
		return s, s.finish(msg.err)
	case did:
		return s, s.report(msg)
	case tea.PasteMsg:
		if path, ok := dropped(msg.Content); ok && s.busy == "" {
			return s, s.command("/image "+path, "image", path)
		}
	case tea.KeyPressMsg:
		if done, cmd := s.key(msg); done {
			return s, cmd
		}
	}
	var cmd tea.Cmd
	s.box, cmd = s.box.Update(msg)
	s.fitBox()
	return s, cmd
}

// key handles the keys that are not the box's.
func (s *screen) key(msg tea.KeyPressMsg) (handled bool, cmd tea.Cmd) {
	s.hint = ""
	switch msg.String() {
	case "ctrl+c":
		switch {
		case s.busy != "":
			s.stop()
		case s.box.Value() != "":
			s.box.Reset()
			s.fitBox()
		default:
			s.hint = "Ctrl-D or /exit leaves"
		}
		return true, nil
	case "ctrl+d":
		if s.box.Value() == "" && s.busy == "" {
			return true, tea.Quit
		}
	case "enter":
		if s.busy == "" {
			return true, s.enter()
		}
		s.hint = "one thing after the other; Ctrl-C stops what is being done"
		return true, nil
	case "tab":
		completed, choices := complete(s.box.Value())
		s.box.SetValue(completed)
		s.box.MoveToEnd()
		if len(choices) > 1 {
			s.hint = strings.Join(choices, "  ")
		}
		return true, nil
	case "up":
		if s.box.Line() == 0 {
			s.recall(s.at - 1)
			return true, nil
		}
	case "down":
		if s.box.Line() == s.box.LineCount()-1 {
			s.recall(s.at + 1)
			return true, nil
		}
	}
	return false, nil
}

// recall puts an earlier message into the box.
func (s *screen) recall(at int) {
	if at < 0 || at > len(s.history) {
		return
	}
	if s.at == len(s.history) {
		s.draft = s.box.Value()
	}
	s.at = at
	if at == len(s.history) {
		s.box.SetValue(s.draft)
	} else {
		s.box.SetValue(s.history[at])
	}
	s.box.MoveToEnd()
	s.fitBox()
}

// fitBox makes the box as high as its text.
func (s *screen) fitBox() {
	lines := 0
	for line := range strings.SplitSeq(s.box.Value(), "\n") {
		lines += 1 + lipgloss.Width(line)/max(1, s.width-len(prompt)-1)
	}
	s.box.SetHeight(min(max(1, lines), s.box.MaxHeight, max(1, s.height/2)))
}

// enter does what is written in the box.
func (s *screen) enter() tea.Cmd {
	text := strings.TrimSpace(s.box.Value())
	s.box.Reset()
	s.fitBox()
	if text == "" && len(s.c.Pending) == 0 {
		return nil
	}
	if text != "" {
		s.history = append(s.history, text)
	}
	s.at = len(s.history)
	name, args, isCommand := isCommand(text)
	switch {
	case !isCommand:
		return tea.Sequence(s.print(s.said(text)), s.ask(func(ctx context.Context, emit func(string) error) error { return s.c.Say(ctx, text, emit) }))
	case name == "retry":
		return tea.Sequence(s.print(faint.Render("again")), s.ask(s.c.Retry))
	}
	return s.command(text, name, args)
}

// command does a command beside the screen: an image may be far away.
func (s *screen) command(text, name, args string) tea.Cmd {
	ctx := s.begin(working)
	return func() tea.Msg {
		said, err := s.c.run(ctx, name, args)
		return did{text, said, err}
	}
}

// report prints what a command came to.
func (s *screen) report(d did) tea.Cmd {
	s.end()
	switch {
	case errors.Is(d.err, ErrLeave):
		return tea.Quit
	case errors.Is(d.err, context.Canceled):
		d.said = strings.TrimSpace(d.said + "\n" + faint.Render("stopped"))
	case d.err != nil:
		d.said = strings.TrimSpace(d.said + "\n" + wrong.Render(d.err.Error()))
	}
	said := faint.Render(prompt+d.what) + "\n" + d.said + "\n"
	if strings.Contains(said, "\x1bP") { // sixels: how high they are only the terminal knows
		return tea.Exec(&drawing{text: said}, nil)
	}
	return s.print(said)
}

// A drawing is written while the screen lets go of the terminal.
type drawing struct {
	text string
	out  io.Writer
}

func (d *drawing) Run() error {
	_, err := io.WriteString(d.out, strings.ReplaceAll(d.text, "\n", "\r\n"))
	return err
}
func (d *drawing) SetStdin(io.Reader)    {}
func (d *drawing) SetStdout(w io.Writer) { d.out = w }
func (d *drawing) SetStderr(io.Writer)   {}

// print prints a text above the box, for good. It goes in parts that fit on
// the screen beside the box, once that stands alone: the library draws it in
// pieces otherwise.
func (s *screen) print(text string) tea.Cmd {
	steps := []tea.Cmd{func() tea.Msg { time.Sleep(2 * time.Second / framesPerSecond); return nil }}
	room := max(1, s.height-s.box.Height()-4)
	for part := range slices.Chunk(strings.Split(lipgloss.Wrap(text, s.width, ""), "\n"), room) {
		steps = append(steps, tea.Println(cmp.Or(strings.Join(part, "\n"), " ")))
	}
	return tea.Sequence(steps...)
}

// begin notes that something is being done; the context ends when it is
// stopped. Until end the conversation is its alone.
func (s *screen) begin(what string) context.Context {
	ctx, stop := context.WithCancel(s.ctx)
	s.busy, s.stop, s.started, s.c.columns = what, stop, time.Now(), s.width
	return ctx
}

func (s *screen) end() {
	s.stop()
	s.busy = ""
}

// said shows a message with the pictures that go with it.
func (s *screen) said(text string) string {
	shown := ""
	for _, img := range s.c.Pending {
		shown += faint.Render("["+img.Name+"]") + "\n"
	}
	return shown + bold.Render(prompt+strings.ReplaceAll(text, "\n", "\n  "))
}

// ask makes an answer beside the screen.
func (s *screen) ask(say func(ctx context.Context, emit func(string) error) error) tea.Cmd {
	ctx := s.begin(answering)
	s.answer.Reset()
	return func() tea.Msg {
		return end{say(ctx, func(text string) error { s.send(piece(text)); return nil })}
	}
}

// harmless drops control characters but line ends and tabs: a model may say
// anything, a terminal obeys it.
func harmless(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return -1
	}
	return r
}

// finish prints the answer and what went wrong, above the box.
func (s *screen) finish(err error) tea.Cmd {
	stopped := errors.Is(err, context.Canceled)
	s.end()
	shown := s.markdown(s.answer.String())
	switch {
	case stopped:
		shown += "\n" + faint.Render("stopped")
	case err != nil:
		shown += "\n" + wrong.Render(err.Error())
	case s.c.Last != nil && s.c.Last.FinishReason == "length":
		shown += "\n" + faint.Render("cut short: /set max-tokens allows more")
	}
	s.answer.Reset()
	return s.print(strings.TrimLeft(shown, "\n") + "\n")
}

// markdown renders a text as wide as the terminal.
func (s *screen) markdown(text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	if s.render == nil {
		style := "dark"
		if s.light {
			style = "light"
		}
		r, err := glamour.NewTermRenderer(glamour.WithStandardStyle(style), glamour.WithWordWrap(min(s.width-2, 100)), glamour.WithPreservedNewLines())
		if err != nil {
			return text
		}
		s.render = r
	}
	out, err := s.render.Render(text)
	if err != nil {
		return text
	}
	return strings.Trim(out, "\n")
}

func (s *screen) View() tea.View {
	var b strings.Builder
	if s.busy != "" && (s.busy == answering || time.Since(s.started) > 200*time.Millisecond) {
		lines := strings.Split(s.markdown(s.answer.String()), "\n")
		if room := max(1, s.height-s.box.Height()-3); len(lines) > room {
			lines = lines[len(lines)-room:] // the rest is printed when it is whole
		}
		b.WriteString(strings.Join(lines, "\n") + "\n")
		b.WriteString(faint.Render(fmt.Sprintf("%s, %.0f s · Ctrl-C stops", s.busy, time.Since(s.started).Seconds())) + "\n")
	}
	if s.busy == "" {
		for i, img := range s.c.Pending {
			b.WriteString(faint.Render(fmt.Sprintf("[%d: %s]", i+1, img.Name)) + "\n")
		}
	}
	b.WriteString(s.box.View())
	if s.hint != "" {
		b.WriteString("\n" + faint.Render(s.hint))
	}
	return tea.NewView(b.String())
}
