package eval

import (
	"regexp"
	"strings"
)

// VQAMatch is a third for each person who gave this very answer, at most 1, as
// mistral-evals computes it: texts are equal to the letter but for one pair of
// quotes.
func VQAMatch(answer string, people []string) float64 {
	same := 0
	for _, p := range people {
		if unquote(p) == unquote(answer) {
			same++
		}
	}
	return min(1, float64(same)/3)
}

// VQAAccuracy is the official accuracy of VQA v2 as its script computes it
// (GT-Vision-Lab/VQA, vqaEval.py): the answer is brought into one form, those
// of the people lose their punctuation if they differ, and min(others who
// agree / 3, 1) is averaged over the people, each left out once.
func VQAAccuracy(answer string, people []string) float64 {
	if len(people) == 0 {
		return 0
	}
	answer = strings.TrimSpace(strings.NewReplacer("\n", " ", "\t", " ").Replace(answer))
	answer = vqaWords(vqaPunctuation(answer))
	given := append([]string(nil), people...)
	for _, p := range people {
		if p != people[0] {
			for i := range given {
				given[i] = vqaPunctuation(people[i])
			}
			break
		}
	}
	same := 0
	for _, g := range given {
		if g == answer {
			same++
		}
	}
	sum := 0.0
	for _, g := range given {
		others := same
		if g == answer {
			others--
		}
		sum += min(1, float64(others)/3)
	}
	return sum / float64(len(given))
}

// The lists of the official script.
var (
	vqaMarks    = []string{";", "/", "[", "]", `"`, "{", "}", "(", ")", "=", "+", `\`, "_", "-", ">", "<", "@", "`", ",", "?", "!"}
	vqaNumbers  = strings.Fields("zero one two three four five six seven eight nine ten")
	digitComma  = regexp.MustCompile(`\d,\d`)
	vqaPeriods  = 32 // the script passes a flag where the count goes: no more periods are removed
	vqaArticles = map[string]bool{"a": true, "an": true, "the": true}
)

// vqaPunctuation removes marks that stand at a word's border, makes spaces of
// the others, and removes periods with no digit behind them.
func vqaPunctuation(s string) string {
	out := s
	for _, mark := range vqaMarks {
		if strings.Contains(s, mark+" ") || strings.Contains(s, " "+mark) || digitComma.MatchString(s) {
			out = strings.ReplaceAll(out, mark, "")
		} else {
			out = strings.ReplaceAll(out, mark, " ")
		}
	}
	var kept strings.Builder
	removed := 0
	for i := range len(out) {
		digit := i+1 < len(out) && out[i+1] >= '0' && out[i+1] <= '9'
		if out[i] == '.' && !digit && removed < vqaPeriods {
			removed++
			continue
		}
		kept.WriteByte(out[i])
	}
	return kept.String()
}

// vqaWords lowers the words, makes digits of numbers, drops articles and gives
// contractions their apostrophes back.
func vqaWords(s string) string {
	var words []string
	for _, w := range strings.Fields(strings.ToLower(s)) {
		if vqaArticles[w] {
			continue
		}
		if full, ok := vqaContractions[w]; ok {
			w = full
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

// vqaContractions is the script's table, with the number words: a word without
// its apostrophe, or without one of its two.
var vqaContractions = func() map[string]string {
	of := map[string]string{"none": "0", "somebody'd": "somebodyd", "yall'll": "y'all'll", "y'allll": "y'all'll"}
	for n, word := range vqaNumbers {
		of[word] = plainNumber(float64(n))
	}
	for _, full := range strings.Fields(`ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's
		how'd how'll how's isn't it'd it'll ma'am mightn't might've mustn't must've needn't not've o'clock oughtn't shan't
		should've shouldn't somebody'll somebody's someone'd someone'll someone's something'd something'll that's there'd
		there're there's they'd they'll they're they've 'twas wasn't we've weren't what'll what're what's what've when's where'd
		where's where've who'd who'll who's who've why'll why're why's won't would've wouldn't y'all you'd you'll you're you've`) {
		of[strings.ReplaceAll(full, "'", "")] = full
	}
	for _, stem := range strings.Fields("couldn't hadn't mightn't shouldn't wouldn't he'd it'd she'd somebody'd someone'd something'd there'd they'd we'd who'd y'all'd you'd") {
		at := strings.LastIndex(stem, "'")
		of[stem[:at]+stem[at+1:]+"'ve"], of[stem+"ve"] = stem+"'ve", stem+"'ve"
	}
	of["yall'd've"] = "y'all'd've"
	for _, heard := range []string{"ow's'at", "'ows'at", "'ow'sat"} {
		of[heard] = "'ow's'at"
	}
	return of
}()
