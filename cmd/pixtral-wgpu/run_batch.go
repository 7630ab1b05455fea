package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixtral-wgpu/batch"
	"pixtral-wgpu/remote"
)

// batchFlags are those of run that answer a file of requests.
type batchFlags struct {
	batch, out string
	parallel   int
}

func (f *batchFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.batch, "batch", "", "answer the requests of this `file`, in the form of OpenAI's batches")
	fs.StringVar(&f.out, "out", "", "`file` of the batch's answers, which a run that was ended goes on from")
	fs.IntVar(&f.parallel, "parallel", 8, "`requests` of the batch in flight")
}

// alone are flags of a single question: the requests of a batch say it all.
var alone = []string{"image", "system", "tokens", "max-tokens", "temperature", "top-p", "top-k", "min-p", "seed", "stop", "json"}

func (f *runFlags) checkBatch(cmd *cobra.Command, args []string) error {
	if f.batch == "" {
		if cmd.Flags().Changed("out") || cmd.Flags().Changed("parallel") {
			return misuse("--out and --parallel are of use only with --batch")
		}
		return nil
	}
	for _, name := range alone {
		if cmd.Flags().Changed(name) {
			return misuse("--%s is for a single question; the requests of a batch say it in their bodies", name)
		}
	}
	switch {
	case len(args) > 0:
		return misuse("a batch has its questions in the file; %q is one too many", args[0])
	case f.out == "":
		return misuse("where do the answers go? --out FILE")
	case f.parallel < 1:
		return misuse("--parallel is 1 or more")
	}
	a, errA := os.Stat(f.batch)
	b, errB := os.Stat(f.out)
	if errA != nil {
		return fmt.Errorf("batch %s: %w", f.batch, reason(errA))
	}
	if errB == nil && os.SameFile(a, b) {
		return misuse("--out is the batch itself")
	}
	return nil
}

// runBatch has a batch answered, here or elsewhere.
func (f *runFlags) runBatch(cmd *cobra.Command, client *remote.Client) error {
	if client != nil {
		if err := refuse(cmd, elsewhere); err != nil {
			return err
		}
	}
	bar := newProgress(cmd.ErrOrStderr())
	o := batch.Options{In: f.batch, Out: f.out, Client: client, Parallel: f.parallel, Image: f.batchImage(client == nil)}
	switch {
	case client == nil:
		serving := servingFlags{f.fitFlags, f.deviceFlags, f.exif}
		here, err := serving.serve(cmd, &f.modelFlag, bar, f.parallel)
		if err != nil {
			return err
		}
		defer here.close()
		o.Client = here.client
		if o.Model, err = here.client.Model(cmd.Context()); err != nil {
			return err
		}
	case cmd.Flags().Changed("model"):
		o.Model = f.model
	}
	told := false
	o.Progress = func(c batch.Counts) {
		if !told && c.Before > 0 {
			fmt.Fprintf(cmd.ErrOrStderr(), "going on from %s, which has %s\n", f.out, plural(c.Before, "answer"))
		}
		told = true
		bar.count("asking")(c.Before+c.Asked, c.Total)
		if c.Failed > 0 {
			bar.describe(fmt.Sprintf("asking, %d failed", c.Failed))
		}
	}
	start := time.Now()
	c, err := batch.Run(cmd.Context(), o)
	bar.clear()
	if err != nil {
		return fmt.Errorf("%w; the same command goes on from %s", err, f.out)
	}
	if c.Failed > 0 {
		return fmt.Errorf("%d of %s have no answer, the first: %s\nThe causes are in %s; the same command asks again", c.Failed, plural(c.Total, "request"), c.Cause, f.out)
	}
	line := fmt.Sprintf("%s answered", plural(c.Total, "request"))
	if took := time.Since(start); c.Asked > 0 {
		line += fmt.Sprintf(" · %d of them in %.1f s, %.1f a second", c.Asked, took.Seconds(), float64(c.Asked)/took.Seconds())
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s · %s\n", line, f.out)
	return nil
}

// batchImage reads the images that a batch names by a path, beside the batch
// if it is relative. Addresses are fetched for the engine here; one elsewhere
// fetches them itself.
func (f *runFlags) batchImage(here bool) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, source string) ([]byte, error) {
		scheme, _, address := strings.Cut(strings.ToLower(source), ":")
		switch {
		case scheme == "data", (scheme == "http" || scheme == "https") && !here:
			return nil, nil
		case !(address && len(scheme) > 1) && !filepath.IsAbs(source):
			source = filepath.Join(filepath.Dir(f.batch), source)
		}
		r := reader{ctx, bytes.NewReader(nil), int64(f.mostMB) << 20}
		file, err := r.read(source)
		if err != nil {
			return nil, imageError(source, err)
		}
		return file, nil
	}
}
