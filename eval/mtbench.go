package eval

import (
	"context"
	"strconv"

	"pixtral-wgpu/remote"
)

// What the judge of MT-Bench is told, part of the protocol to the letter
// (arXiv 2306.05685, appendix A; FastChat, llm_judge/data/judge_prompts.jsonl).
const (
	mtAct       = "Please act as an impartial judge and evaluate the quality of the response provided by an AI assistant to the user question displayed below. "
	mtFactors   = "Your evaluation should consider factors such as the helpfulness, relevance, accuracy, depth, creativity, and level of detail of the response. "
	mtCorrect   = "Your evaluation should consider correctness and helpfulness. You will be given a reference answer and the assistant's answer. "
	mtExplain   = "Begin your evaluation by providing a short explanation. "
	mtReference = "Begin your evaluation by comparing the assistant's answer with the reference answer. Identify and correct any mistakes. "
	mtRate      = `Be as objective as possible. After providing your explanation, you must rate the response on a scale of 1 to 10 by strictly following this format: "[[rating]]", for example: "Rating: [[5]]".` + "\n\n"
)

const mtTokens = 1024

// mtWarm is the temperature of the categories that are not answered greedily.
var mtWarm = map[string]float64{"writing": 0.7, "roleplay": 0.7, "stem": 0.1, "humanities": 0.1}

// MT-Bench puts two turns, the second after the model's own first answer; a
// judge rates each. A question of mathematics, reasoning or coding shows the
// judge its reference answers.
var mtbench = &Task{
	Name: "mt-bench", Source: "HuggingFaceH4/mt_bench_prompts, or FastChat's question.jsonl", Judged: true,
	Metrics: []Metric{
		{Name: "score", About: "the judge's rating of both turns, 1 to 10", Most: 10, score: mtBoth},
		{Name: "turn_1", About: "of the first turn", Most: 10, score: mtTurn(0)},
		{Name: "turn_2", About: "of the second turn", Most: 10, score: mtTurn(1)},
	},
	Groups: []string{"category"},
	known:  []Known{announced(7.68), paper(7.68)},
	items: func(row Row, n int) ([]Item, error) {
		turns, err := row.texts(row.first("turns", "prompt"))
		if err != nil {
			return nil, err
		}
		references, _ := row.texts("reference") // most questions have none
		category := row.optional("category")
		request := ask(mtTokens, remote.Text(turns[0]))
		if warm, ok := mtWarm[category]; ok {
			seed := uint64(1)
			request.Temperature, request.Seed = &warm, &seed
		}
		item := one(row.optional(row.first("question_id", "prompt_id")), n, request, references, map[string]string{"category": category})
		item[0].further, item[0].check = turns[1:], &mtRatings{}
		return item, nil
	},
}

// mtRatings keeps what the judge said, which three metrics want.
type mtRatings struct{ turns []Judgement }

func (r *mtRatings) get(ctx context.Context, with scoring, item *Item, answers []string) ([]Judgement, error) {
	for turn := len(r.turns); turn < len(answers); turn++ {
		j, err := rate(ctx, with.judge, mtShow(item, answers, turn))
		if err != nil {
			return nil, err
		}
		r.turns = append(r.turns, j)
	}
	return r.turns, nil
}

func mtBoth(ctx context.Context, with scoring, item *Item, answers []string) (Judgement, error) {
	turns, err := item.check.(*mtRatings).get(ctx, with, item, answers)
	if err != nil {
		return Judgement{}, err
	}
	both := Judgement{}
	for i, j := range turns {
		both.Score += j.Score / float64(len(turns))
		both.Words += "Turn " + strconv.Itoa(i+1) + ": " + j.Words + "\n\n"
	}
	return both, nil
}

func mtTurn(turn int) func(context.Context, scoring, *Item, []string) (Judgement, error) {
	return func(ctx context.Context, with scoring, item *Item, answers []string) (Judgement, error) {
		turns, err := item.check.(*mtRatings).get(ctx, with, item, answers)
		if err != nil || turn >= len(turns) {
			return Judgement{}, err
		}
		return Judgement{Score: turns[turn].Score}, nil
	}
}

// mtShow lays the answer to a turn out for the judge.
func mtShow(item *Item, answers []string, turn int) []remote.Message {
	referenced := len(item.References) > turn && map[string]bool{"math": true, "reasoning": true, "coding": true}[item.Meta["category"]]
	questions := append([]string{question(item.Request)}, item.further...)
	weigh, begin := mtFactors, mtExplain
	if referenced {
		weigh, begin = mtCorrect, mtReference
	}
	if turn == 0 {
		text := "[Instruction]\n" + mtAct + weigh + begin + mtRate + "[Question]\n" + questions[0] + "\n\n"
		if referenced {
			text += "[The Start of Reference Answer]\n" + item.References[0] + "\n[The End of Reference Answer]\n\n"
		}
		text += "[The Start of Assistant's Answer]\n" + answers[0] + "\n[The End of Assistant's Answer]"
		return mtMessages("You are a helpful assistant.", text)
	}
	focus := "You evaluation should focus on the assistant's answer to the second user question. "
	text := ""
	if referenced {
		focus = "You evaluation should focus on the assistant's answer to the second question. "
		text = "<|The Start of Reference Answer|>\n\n" + mtTalk(questions, item.References, "Reference answer") +
			"<|The End of Reference Answer|>\n\n\n"
	}
	text += "<|The Start of Assistant A's Conversation with User|>\n\n" + mtTalk(questions, answers, "Assistant A") +
		"<|The End of Assistant A's Conversation with User|>"
	return mtMessages(mtAct+weigh+focus+begin+mtRate, text)
}

// mtTalk writes two turns down.
func mtTalk(questions, answers []string, who string) (text string) {
	for i := range 2 {
		text += "### User:\n" + questions[i] + "\n\n### " + who + ":\n" + answers[i] + "\n\n"
	}
	return text
}

func mtMessages(system, user string) []remote.Message {
	return []remote.Message{
		{Role: "system", Parts: []remote.Part{remote.Text(system)}},
		{Role: "user", Parts: []remote.Part{remote.Text(user)}},
	}
}
