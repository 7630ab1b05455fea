//go:build llamacpp

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"pixtral-wgpu/tokenizer"
)

// A driver is a running driver/driver.cpp.
type driver struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start runs llama.cpp on a backend, "cpu" or "vulkan".
func (o *options) start(backend string) (*driver, error) {
	d := &driver{cmd: exec.Command(filepath.Join(o.llamacpp, "driver"), filepath.Join(o.llamacpp, "lib"), backend)}
	d.cmd.Stderr = os.Stderr
	d.cmd.Env = os.Environ()
	if os.Getenv("GGML_VK_VISIBLE_DEVICES") == "" {
		d.cmd.Env = append(d.cmd.Env, "GGML_VK_VISIBLE_DEVICES=0") // else software adapters are left out
	}
	var err error
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.out = bufio.NewReader(out)
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start llama.cpp: %w; run bench/llamacpp/setup.sh", err)
	}
	return d, nil
}

func (d *driver) close() {
	d.in.Close()
	d.cmd.Wait()
}

// ask gives a command and returns what follows "ok".
func (d *driver) ask(format string, args ...any) (string, error) {
	command := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintln(d.in, command); err != nil {
		return "", fmt.Errorf("llama.cpp ended: %w", err)
	}
	line, err := d.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("llama.cpp ended: %w", err)
	}
	answer, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "ok")
	if !ok {
		verb, _, _ := strings.Cut(command, " ")
		return "", fmt.Errorf("llama.cpp: %s: %s", verb, strings.TrimSpace(line))
	}
	return strings.TrimPrefix(answer, " "), nil
}

// numbers is ask for a command that answers with numbers.
func (d *driver) numbers(format string, args ...any) ([]float64, error) {
	answer, err := d.ask(format, args...)
	if err != nil {
		return nil, err
	}
	var list []float64
	for field := range strings.FieldsSeq(answer) {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil, fmt.Errorf("llama.cpp: %w", err)
		}
		list = append(list, v)
	}
	return list, nil
}

// eval evaluates tokens at a position and returns the seconds it took.
func (d *driver) eval(at int, list ...tokenizer.Token) (float64, error) {
	took, err := d.numbers("eval %d%s", at, spell(list))
	if err != nil {
		return 0, err
	}
	return took[0], nil
}

// greedy returns the n likeliest tokens to follow, each evaluated, and the seconds.
func (d *driver) greedy(n int) ([]tokenizer.Token, float64, error) {
	list, err := d.numbers("greedy %d", n)
	if err != nil {
		return nil, 0, err
	}
	return asTokens(list[1:]), list[0], nil
}

func (d *driver) encode(kind, text string) ([]tokenizer.Token, error) {
	list, err := d.numbers("encode %s %s", kind, strings.NewReplacer("\\", `\\`, "\n", `\n`).Replace(text))
	return asTokens(list), err
}

func asTokens(list []float64) []tokenizer.Token {
	out := make([]tokenizer.Token, len(list))
	for i, v := range list {
		out[i] = tokenizer.Token(v)
	}
	return out
}

// spell writes tokens with a space before each.
func spell(list []tokenizer.Token) string {
	var b strings.Builder
	for _, tok := range list {
		fmt.Fprintf(&b, " %d", tok)
	}
	return b.String()
}
