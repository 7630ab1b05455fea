//go:build llamacpp

// Command llamacpp compares this engine with llama.cpp on one machine: its
// answers on the CPU, which the tests' fixture is made of, and its speed on the
// same Vulkan adapter. compare.sh sets up what it needs and runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

// verbs is what the command does.
var verbs = []struct {
	name, help string
	run        func(context.Context, *options) error
}{
	{"kernels", "matrix products at Pixtral 12B's shapes: ours and theirs on one adapter", kernels},
	{"models", "a whole GGUF model: decode and prefill, ours and theirs on one adapter", models},
	{"greedy", "whether GGUF models give the same 64 greedy tokens", greedy},
	{"fixture", "prompts, tokens, answers and logits of llama.cpp's CPU backend, as JSON", fixture},
}

// options are the flags of all verbs.
type options struct {
	llamacpp string   // the folder that setup.sh made
	adapter  string   // ours; llama.cpp's is told by GGML_VK_VISIBLE_DEVICES
	rounds   int      // of a comparison: ours, theirs, ours, theirs, ...
	full     bool     // whole matrices on a software adapter too
	args     []string // paths of models
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "llamacpp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o := options{llamacpp: os.Getenv("LLAMACPP")}
	if cache, err := os.UserCacheDir(); err == nil && o.llamacpp == "" {
		o.llamacpp = filepath.Join(cache, "pixtral-wgpu", "llama.cpp")
	}
	fs := flag.NewFlagSet("llamacpp", flag.ContinueOnError)
	fs.StringVar(&o.llamacpp, "llamacpp", o.llamacpp, "the `folder` that setup.sh printed")
	fs.StringVar(&o.adapter, "adapter", "", "our adapter, by number or name")
	fs.IntVar(&o.rounds, "rounds", 5, "how often each side is measured")
	fs.BoolVar(&o.full, "full", false, "measure whole matrices on a software adapter too")
	fs.Usage = func() {
		fmt.Fprintln(fs.Output(), "usage: llamacpp VERB [flags] [model.gguf ...]")
		for _, v := range verbs {
			fmt.Fprintf(fs.Output(), "  %-8s %s\n", v.name, v.help)
		}
		fs.PrintDefaults()
	}
	if len(args) == 0 {
		fs.Usage()
		return fmt.Errorf("a verb is missing")
	}
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	o.args = fs.Args()
	for _, v := range verbs {
		if v.name == args[0] {
			return v.run(ctx, &o)
		}
	}
	return fmt.Errorf("the verb %q is unknown", args[0])
}
