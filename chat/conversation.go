// Package chat is a conversation in a terminal, with any engine behind an
// OpenAI-compatible endpoint: Conversation is what was said, Screen shows it on
// a terminal, and Plain reads lines and writes answers where there is none.
package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"pixtral-wgpu/remote"
)

// Options of a conversation.
type Options struct {
	Client   *remote.Client
	Settings Settings
	System   string
	Context  int                                                      // tokens the engine holds; 0 if nobody knows
	Read     func(ctx context.Context, source string) ([]byte, error) // an image: a path or a URL
	Lens     func(file []byte) (*Sight, error)                        // what the model sees of an image
}

// Settings are what /set changes. A nil value leaves it to the engine.
type Settings struct {
	Temperature *float64
	TopP        *float64
	TopK        *int
	MinP        *float64
	Seed        *uint64
	MaxTokens   int
}

// An Image is a picture that goes with a turn.
type Image struct {
	Name string `json:"name"`
	File []byte `json:"file"` // base64 in JSON
}

// A Turn is a message of either side.
type Turn struct {
	Role   string  `json:"role"` // "user" or "assistant"
	Text   string  `json:"text"`
	Images []Image `json:"images,omitempty"`
}

// A Conversation is what was said and what is about to be. One goroutine uses
// it at a time.
type Conversation struct {
	Options
	Turns   []Turn
	Pending []Image // go with the next message
	Last    *remote.Reply
	columns int // of the terminal; 0 if there is none
	asked   int
	in, out int
	spent   time.Duration
}

// New begins a conversation.
func New(o Options) *Conversation { return &Conversation{Options: o} }

// Attach reads an image that goes with the next message.
func (c *Conversation) Attach(ctx context.Context, source string) (*Sight, error) {
	file, err := c.Read(ctx, expand(source))
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", source, err)
	}
	return c.attach(source, file)
}

func (c *Conversation) attach(name string, file []byte) (*Sight, error) {
	sight, err := c.Lens(file)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	c.Pending = append(c.Pending, Image{name, file})
	return sight, nil
}

// Say adds a message and the answer to it, which emit gets piece by piece. If
// ctx ends the answer, what came of it stays; on any other error the message is
// taken back, so that it can be said again.
func (c *Conversation) Say(ctx context.Context, text string, emit func(string) error) error {
	if text == "" && len(c.Pending) == 0 {
		return errors.New("there is nothing to say")
	}
	pending := c.Pending
	c.Turns = append(c.Turns, Turn{Role: "user", Text: text, Images: pending})
	c.Pending = nil
	reply, err := c.Client.Chat(ctx, c.request(), emit)
	switch {
	case err == nil, ctx.Err() != nil && reply.Text != "":
		c.Turns = append(c.Turns, Turn{Role: "assistant", Text: reply.Text})
		c.count(reply)
	default:
		c.Turns, c.Pending = c.Turns[:len(c.Turns)-1], pending
	}
	return err
}

// Retry takes the last answer back and asks for another. If none comes the
// earlier one stands. Pictures for the next message go on waiting.
func (c *Conversation) Retry(ctx context.Context, emit func(string) error) error {
	turns, waiting := slices.Clone(c.Turns), c.Pending
	c.Pending = nil
	text, err := c.Undo()
	if err == nil {
		if c.Settings.Seed != nil {
			seed := *c.Settings.Seed + 1 // the same would give the same
			c.Settings.Seed = &seed
		}
		err = c.Say(ctx, text, emit)
	}
	if len(c.Turns) < len(turns) {
		c.Turns = turns
	}
	c.Pending = waiting
	return err
}

// Undo takes the last message and its answer back; the images wait again.
func (c *Conversation) Undo() (text string, err error) {
	for i, t := range slices.Backward(c.Turns) {
		if t.Role == "user" {
			c.Turns, c.Pending = c.Turns[:i], append(slices.Clone(t.Images), c.Pending...)
			return t.Text, nil
		}
	}
	return "", errors.New("nothing was said yet")
}

// Clear forgets all that was said; the settings and the system prompt stay.
func (c *Conversation) Clear() { c.Turns, c.Pending, c.Last = nil, nil, nil }

func (c *Conversation) request() remote.Request {
	s := c.Settings
	r := remote.Request{MaxTokens: s.MaxTokens, Temperature: s.Temperature, TopP: s.TopP, TopK: s.TopK, MinP: s.MinP, Seed: s.Seed}
	if c.System != "" {
		r.Messages = append(r.Messages, remote.Message{Role: "system", Parts: []remote.Part{remote.Text(c.System)}})
	}
	for _, t := range c.Turns {
		m := remote.Message{Role: t.Role}
		for _, img := range t.Images {
			m.Parts = append(m.Parts, remote.Image(img.File))
		}
		if t.Text != "" || len(m.Parts) == 0 {
			m.Parts = append(m.Parts, remote.Text(t.Text))
		}
		r.Messages = append(r.Messages, m)
	}
	return r
}

func (c *Conversation) count(r *remote.Reply) {
	c.Last = r
	c.asked++
	c.in += r.Usage.PromptTokens
	c.out += r.Usage.CompletionTokens
	c.spent += r.Took
}

// saved is a conversation as a file.
type saved struct {
	Format string `json:"format"`
	System string `json:"system,omitempty"`
	Turns  []Turn `json:"turns"`
}

const format = "pixtral-wgpu chat 1"

// Save writes the conversation with its images to a file.
func (c *Conversation) Save(path string) error {
	data, err := json.MarshalIndent(saved{format, c.System, c.Turns}, "", " ")
	if err != nil {
		return err
	}
	temporary := path + ".part" // a disk that is full costs nothing
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// Load replaces the conversation by a saved one.
func (c *Conversation) Load(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var s saved
	if err := json.Unmarshal(data, &s); err != nil || s.Format != format {
		return fmt.Errorf("%s is not a saved conversation", path)
	}
	for i, t := range s.Turns {
		if want := []string{"user", "assistant"}[i%2]; t.Role != want {
			return fmt.Errorf("%s: turn %d is of %q, not of the %s", path, i+1, t.Role, want)
		}
	}
	if len(s.Turns)%2 != 0 {
		return fmt.Errorf("%s: the last message has no answer", path)
	}
	c.Clear()
	c.System, c.Turns = s.System, s.Turns
	return nil
}
