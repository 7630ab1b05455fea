package chat

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// fence opens and closes a message of several lines.
const fence = `"""`

// Plain reads messages and commands from r, a line each or several between
// lines of """, and writes the answers to w and all else to notes: for pipes
// and scripts. The first answer that fails ends it.
func Plain(ctx context.Context, c *Conversation, r io.Reader, w, notes io.Writer) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		text := lines.Text()
		if rest, ok := strings.CutPrefix(strings.TrimSpace(text), fence); ok {
			text = block(rest, lines)
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		name, args, isCommand := isCommand(text)
		if isCommand && name != "retry" {
			said, err := c.run(ctx, name, args)
			if errors.Is(err, ErrLeave) {
				return nil
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(notes, said)
			continue
		}
		emit := func(piece string) error {
			_, err := io.WriteString(w, piece)
			return err
		}
		var err error
		if isCommand {
			err = c.Retry(ctx, emit)
		} else {
			err = c.Say(ctx, text, emit)
		}
		if err != nil {
			return err
		}
		if c.Last == nil || !strings.HasSuffix(c.Last.Text, "\n") {
			fmt.Fprintln(w)
		}
	}
	return lines.Err()
}

// block reads the rest of a message up to the closing fence.
func block(first string, lines *bufio.Scanner) string {
	if text, ok := strings.CutSuffix(first, fence); ok {
		return text
	}
	all := []string{first}
	for lines.Scan() {
		text, closed := strings.CutSuffix(lines.Text(), fence)
		all = append(all, text)
		if closed {
			break
		}
	}
	return strings.Trim(strings.Join(all, "\n"), "\n")
}
