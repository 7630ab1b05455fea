package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	p := tea.NewProgram(s, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithFPS(20))
	s.send = p.Send
	_, err := p.Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return nil // ended from outside
	}
	return err
}

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

	answering bool
	stop      context.CancelFunc
	answer    strings.Builder
	started   time.Time
	render    *glamour.TermRenderer
	light     bool // the terminal's background, if it tells
}

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

// A piece is a part of the answer, an end is its end.
type (
	piece string
	end   struct{ err error }
)

func (s *screen) Init() tea.Cmd {
	return tea.Batch(s.box.Focus(), tea.Println(s.greeting), tea.RequestBackgroundColor)
}

func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height, s.render = msg.Width, msg.Height, nil
		s.box.SetWidth(max(10, msg.Width))
		return s, nil
	case tea.BackgroundColorMsg:
		s.light, s.render = !msg.IsDark(), nil
		return s, nil
	case piece:
		s.answer.WriteString(strings.Map(harmless, string(msg)))
		return s, nil
	case end:
		return s, s.finish(msg.err)
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
		case s.answering:
			s.stop()
		case s.box.Value() != "":
			s.box.Reset()
			s.fitBox()
		default:
			s.hint = "Ctrl-D or /exit leaves"
		}
		return true, nil
	case "ctrl+d":
		if s.box.Value() == "" && !s.answering {
			return true, tea.Quit
		}
	case "enter":
		if !s.answering {
			return true, s.enter()
		}
		s.hint = "an answer is being made; Ctrl-C stops it"
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
	s.box.SetHeight(min(max(1, lines), s.box.MaxHeight))
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
		return tea.Sequence(tea.Println(s.said(text)), s.ask(func(ctx context.Context, emit func(string) error) error { return s.c.Say(ctx, text, emit) }))
	case name == "retry":
		return tea.Sequence(tea.Println(faint.Render("again")), s.ask(s.c.Retry))
	}
	said, err := s.c.run(s.ctx, name, args)
	switch {
	case errors.Is(err, ErrLeave):
		return tea.Quit
	case err != nil:
		said = strings.TrimSpace(said + "\n" + wrong.Render(err.Error()))
	}
	return tea.Println(faint.Render(prompt+text) + "\n" + said + "\n")
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
	ctx, stop := context.WithCancel(s.ctx)
	s.answering, s.stop, s.started = true, stop, time.Now()
	s.answer.Reset()
	return func() tea.Msg {
		defer stop()
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
	s.answering = false
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
	return tea.Println(strings.TrimLeft(shown, "\n") + "\n")
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
	if s.answering {
		lines := strings.Split(s.markdown(s.answer.String()), "\n")
		if room := max(1, s.height-s.box.Height()-3); len(lines) > room {
			lines = lines[len(lines)-room:] // the rest is printed when it is whole
		}
		b.WriteString(strings.Join(lines, "\n") + "\n")
		b.WriteString(faint.Render(fmt.Sprintf("%.0f s · Ctrl-C stops", time.Since(s.started).Seconds())) + "\n")
	}
	for i, img := range s.c.pending(s.answering) {
		b.WriteString(faint.Render(fmt.Sprintf("[%d: %s]", i+1, img.Name)) + "\n")
	}
	b.WriteString(s.box.View())
	if s.hint != "" {
		b.WriteString("\n" + faint.Render(s.hint))
	}
	return tea.NewView(b.String())
}

// pending are the pictures that wait. While an answer is made the conversation
// belongs to its goroutine, and nothing waits.
func (c *Conversation) pending(answering bool) []Image {
	if answering {
		return nil
	}
	return c.Pending
}
