package eval

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pixtral-wgpu/remote/fake"
)

// asked runs a task over rows with an engine and returns the result and what
// the engine was sent.
func runText(t *testing.T, task *Task, files map[string]string, o Options, answer fake.Answer) (*Result, *Log, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ready, d, err := task.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	client, _ := engine(t, answer)
	log := &Log{Entries: map[string]Entry{}}
	r, err := Run(t.Context(), ready, d, client, log, o)
	return r, log, err
}

func TestMMLU(t *testing.T) {
	dev := ""
	for range 5 {
		dev += `{"question":"1+1?","subject":"high_school_math","choices":["1","2","3","4"],"answer":1}` + "\n"
	}
	var sent string
	r, _, err := runText(t, mmlu, map[string]string{
		"dev.jsonl":  dev,
		"test.jsonl": `{"question":"2+2?","subject":"high_school_math","choices":["4","5","6","7"],"answer":0}`,
	}, Options{}, func(_ int64, body string) (string, int) {
		sent = body
		return "The answer is (A).", http.StatusOK
	})
	if err != nil || r.Metrics[0].Mean.Value != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if strings.Count(sent, `Answer: B\n\n`) != 5 || !strings.Contains(sent, `about high school math.\n\n1+1?\nA. 1\nB. 2`) || !strings.Contains(sent, `D. 7\nAnswer:"`) {
		t.Errorf("sent %s", sent)
	}
}

func TestMATH(t *testing.T) {
	r, _, err := runText(t, math500, map[string]string{
		"test.jsonl": `{"problem":"half?","solution":"It is $\\boxed{\\frac{1}{2}}$.","type":"Algebra","level":"Level 1"}`,
	}, Options{}, fake.Says(`Thus \boxed{0.5}`))
	if err != nil || r.Metrics[0].Mean.Value != 1 || r.Metrics[0].Groups["subject"]["Algebra"].N != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
}

const humanevalRow = `{"task_id":"T/0","prompt":"import math\n\n\ndef up(x):\n    \"\"\"One more.\"\"\"\n","entry_point":"up","test":"def check(f):\n    assert f(1) == 2\n"}`

func TestHumanEval(t *testing.T) {
	for _, c := range []struct {
		answer string
		want   float64
	}{
		{"Sure:\n```python\ndef up(x):\n    return x + int(math.sqrt(1))\n```\nDone.", 1},
		{"```\n    return x + 1\n```", 1},
		{"```python\ndef up(x):\n    return x\n```", 0},
		{"```python\ndef up(x):\n    while True: pass\n```", 0},
		{"I will not.", 0},
	} {
		r, _, err := runText(t, humaneval, map[string]string{"test.jsonl": humanevalRow}, Options{RunCode: true}, fake.Says(c.answer))
		if err != nil || r.Metrics[0].Mean.Value != c.want {
			t.Errorf("%q: %+v, %v", c.answer, r, err)
		}
	}
	if _, _, err := runText(t, humaneval, map[string]string{"test.jsonl": humanevalRow}, Options{}, fake.Says("x")); err == nil || !strings.Contains(err.Error(), "--run-code") {
		t.Errorf("without leave: %v", err)
	}
}

func TestIFEval(t *testing.T) {
	r, _, err := runText(t, ifeval, map[string]string{
		"train.jsonl": `{"key":1000,"prompt":"x","instruction_id_list":["punctuation:no_comma","startend:quotation"],"kwargs":[{},{"num_words":null}]}
{"key":1001,"prompt":"y","instruction_id_list":["detectable_format:title"],"kwargs":[{}]}`,
	}, Options{}, fake.Says("*intro*\n\"<<a title>> and no comma\""))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0.5, 1, 2.0 / 3, 1} {
		if m := r.Metrics[i]; m.Mean.Value != want {
			t.Errorf("%s is %g, want %g", m.Metric.Name, m.Mean.Value, want)
		}
	}
}

// judgeFor returns a judge that rates 7 after one answer without a rating, and
// what it was sent.
func judgeFor(t *testing.T, o *Options) *[]string {
	var sent []string
	o.Judge, _ = engine(t, func(n int64, body string) (string, int) {
		sent = append(sent, body)
		if n == 1 {
			return "I cannot say.", http.StatusOK
		}
		return "Good. Rating: [[7.5]]", http.StatusOK
	})
	o.Parallel = 1
	return &sent
}

func TestMMMTBench(t *testing.T) {
	var o Options
	sent := judgeFor(t, &o)
	conversation := `[{\"role\":\"user\",\"content\":[{\"type\":\"image\"},{\"type\":\"text\",\"text\":\"First?\"}]},{\"role\":\"assistant\",\"content\":\"ref one\"},{\"role\":\"user\",\"content\":\"Second?\"},{\"role\":\"assistant\",\"content\":\"ref two\"}]`
	r, log, err := runText(t, mmMTBench, map[string]string{
		"eval.jsonl": `{"conversation":"` + conversation + `","category":"charts","image":"data:image/png;base64,iVBORw0KGgo="}`,
	}, o, fake.Says("my answer"))
	if err != nil || r.Metrics[0].Mean.Value != 7.5 || r.Metrics[0].Groups["turn"]["1"].N != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	last := (*sent)[len(*sent)-1]
	for _, want := range []string{"data:image/png", "First?", "ref one", "Second?", "ref two", "my answer"} {
		if !strings.Contains(last, want) {
			t.Errorf("the judge was not shown %q: %s", want, last)
		}
	}
	if strings.Contains((*sent)[0], "Second?") || log.Entries["1-2"].Judgement == "" {
		t.Error("the first turn was shown with the second, or the judge's words are not kept")
	}
}

func TestMTBench(t *testing.T) {
	var o Options
	sent := judgeFor(t, &o)
	r, log, err := runText(t, mtbench, map[string]string{
		"question.jsonl": `{"question_id":111,"category":"math","turns":["One?","Two?"],"reference":["r1","r2"]}`,
	}, o, func(n int64, body string) (string, int) {
		if n == 2 && !strings.Contains(body, "answer 1") {
			t.Errorf("the second turn does not follow the first answer: %s", body)
		}
		return "answer " + plainNumber(float64(n)), http.StatusOK
	})
	if err != nil || r.Metrics[0].Mean.Value != 7.5 || r.Metrics[2].Mean.Value != 7.5 || len(*sent) != 3 {
		t.Fatalf("%+v, %v, %d", r, err, len(*sent))
	}
	if e := log.Entries["111"]; e.Answer != "answer 2" || len(e.Earlier) != 1 || e.Earlier[0] != "answer 1" {
		t.Errorf("logged %+v", e)
	}
	if last := (*sent)[2]; !strings.Contains(last, "Reference answer:\\nr2") || !strings.Contains(last, "Assistant A:\\nanswer 2") {
		t.Errorf("the judge was sent %s", last)
	}
}
