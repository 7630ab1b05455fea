package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pixtral-wgpu/eval"
	"pixtral-wgpu/remote"
)

// evalFlags are the flags of eval.
type evalFlags struct {
	modelFlag
	endpointFlags
	servingFlags
	data, out               string
	limit, parallel         int
	judge, judgeModel, jKey string
	runCode, json           bool
}

func newEval() *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval [flags] TASK",
		Short: "Ask a benchmark's questions and count",
		Long: `Ask a benchmark's questions and count.

TASK is one of the announcement's benchmarks (eval list shows them), put with
its prompts and metrics, or a .jsonl file of your own: a question and an answer
(or a list of answers) a line, and where they apply an image or images beside
the file, a system prompt, a history, a kind to group by and an id.

The data are files: parquet as the Hugging Face hub has them, or .jsonl. The
model is this program's, or that of any OpenAI-compatible engine (--endpoint).
Answers are logged as they come; a run that was ended goes on from its log.`,
		Example: `  pixtral-wgpu eval chartqa --data ChartQA/ -m ~/models/pixtral-12b --out chartqa.jsonl
  pixtral-wgpu eval docvqa --data DocVQA/ --endpoint http://localhost:8000 --limit 500
  pixtral-wgpu eval mine.jsonl
  pixtral-wgpu eval compare bf16.jsonl q4_k.jsonl --html flips.html`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return misuse("eval takes one task; eval list shows them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.data, "data", "", "`path` of the data: a file, or a directory of them (a .jsonl task is its own)")
	f.modelFlag.add(fs)
	f.endpointFlags.add(fs)
	f.servingFlags.add(fs)
	fs.IntVar(&f.limit, "limit", 0, "ask only the first so many `rows`; 0 asks all")
	fs.IntVar(&f.parallel, "parallel", 8, "`requests` in flight")
	fs.StringVar(&f.out, "out", "", "log `file`, which a run that was ended goes on from (default TASK.eval.jsonl)")
	fs.StringVar(&f.judge, "judge", "", "`URL` of the engine that judges, for tasks that are judged")
	fs.StringVar(&f.judgeModel, "judge-model", "", "`name` of the judge; the protocol's is gpt-4o-2024-05-13")
	fs.StringVar(&f.jKey, "judge-key-env", "", "`name` of the environment variable with the judge's key")
	fs.BoolVar(&f.runCode, "run-code", false, "allow humaneval to run what the model wrote, in a limited subprocess")
	fs.BoolVar(&f.json, "json", false, "print one JSON object instead")
	cmd.AddCommand(newEvalList(), newEvalCompare())
	return cmd
}

func (f *evalFlags) run(cmd *cobra.Command, name string) error {
	task, err := eval.Find(name)
	if err != nil {
		return misuse("%w", err)
	}
	switch {
	case f.limit < 0 || f.parallel < 1:
		return misuse("--limit is 0 or more, and --parallel 1 or more")
	case f.data == "" && strings.HasSuffix(name, ".jsonl"):
		f.data = name
	case f.data == "":
		return misuse("where are the data? --data PATH, the files of %s", task.Source)
	case task.Judged && f.judge == "":
		return misuse("%s is judged by a model: say which with --judge URL and --judge-model NAME", task.Name)
	}
	task, data, err := task.Open(f.data)
	if err != nil {
		return err
	}
	bar := newProgress(cmd.ErrOrStderr())
	client, who, close, err := f.engine(cmd, bar)
	if err != nil {
		return err
	}
	defer close()
	header := eval.Header{Task: task.Name, Model: who, Data: f.data, Limit: f.limit}
	o := eval.Options{Limit: f.limit, Parallel: f.parallel, RunCode: f.runCode, Progress: scoreBar(bar, task)}
	if f.judge != "" {
		if o.Judge, err = connect("--judge", f.judge, f.jKey, f.judgeModel); err != nil {
			return err
		}
		if header.Judge, err = o.Judge.Model(cmd.Context()); err != nil {
			return err
		}
	}
	out := cmp.Or(f.out, task.Name+".eval.jsonl")
	log, err := eval.OpenLog(out, header)
	if err != nil {
		return err
	}
	defer log.Close()
	if n := len(log.Entries); n > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "going on from %s, which has %s\n", out, plural(n, "answer"))
	}
	result, err := eval.Run(cmd.Context(), task, data, client, log, o)
	bar.clear()
	if err != nil {
		return err
	}
	if f.json {
		return encode(cmd, evalReport(result))
	}
	printResult(cmd.OutOrStdout(), result)
	fmt.Fprintf(cmd.ErrOrStderr(), "every answer is in %s\n", out)
	return nil
}

// engine returns who answers: the endpoint, or a server of this program's own.
func (f *evalFlags) engine(cmd *cobra.Command, bar *progress) (c *remote.Client, who string, close func(), err error) {
	if c, err = f.client(cmd, f.model); err != nil {
		return nil, "", nil, err
	}
	if c == nil {
		here, err := f.serve(cmd, &f.modelFlag, bar, f.parallel)
		if err != nil {
			return nil, "", nil, err
		}
		return here.client, here.name, here.close, nil
	}
	if err = f.elsewhere(cmd); err != nil {
		return nil, "", nil, err
	}
	who, err = c.Model(cmd.Context())
	return c, who + " at " + c.URL(), func() {}, err
}

// scoreBar shows how far a run is, and its score so far.
func scoreBar(bar *progress, t *eval.Task) func(done, total int, running float64) {
	return func(done, total int, running float64) {
		bar.count("asking")(done, total)
		bar.describe(fmt.Sprintf("%s %s", t.Metrics[0].Name, score(t.Metrics[0], running)))
	}
}

func newEvalList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show the benchmarks", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "task\tdata\tsplit\tmetric\tpublished for Pixtral 12B")
			for _, t := range eval.Tasks {
				known := ""
				for _, k := range t.Known() {
					known += fmt.Sprintf("%g (%s)  ", k.Value, k.Where)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, t.Source, cmp.Or(t.Split, "-"), t.Metrics[0].Name, strings.TrimSpace(known))
			}
			return w.Flush()
		},
	}
}

func newEvalCompare() *cobra.Command {
	var page, data string
	cmd := &cobra.Command{
		Use: "compare A B", Short: "Pair two runs item by item",
		Long: `Pair two runs item by item.

A and B are logs of the same task: of two models, two formats of one, two
engines. The change is printed with its 95 % interval over the pairs.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return misuse("eval compare takes two logs")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return compare(cmd, args[0], args[1], page, data) },
	}
	cmd.Flags().StringVar(&page, "html", "", "write a page with the items that flipped to this `file`")
	cmd.Flags().StringVar(&data, "data", "", "`path` of the data, for the pictures on the page (default where A found them)")
	return cmd
}

func compare(cmd *cobra.Command, a, b, page, path string) error {
	logA, err := eval.ReadLog(a)
	if err != nil {
		return err
	}
	logB, err := eval.ReadLog(b)
	if err != nil {
		return err
	}
	path = cmp.Or(path, logA.Header.Data)
	task, err := eval.Find(logA.Header.Task)
	if err != nil {
		task = eval.Own(path) // a set of a person's own
	}
	c, err := eval.Compare(task, logA, logB)
	if err != nil {
		return err
	}
	printComparison(cmd.OutOrStdout(), c)
	if page == "" {
		return nil
	}
	task, data, err := task.Open(path)
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "the page has no pictures: %v\n", err)
	}
	f, err := os.Create(page)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.HTML(f, task, data); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "the items that flipped are in %s\n", page)
	return f.Close()
}
