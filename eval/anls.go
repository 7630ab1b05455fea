package eval

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// ANLS is one item's normalised Levenshtein similarity, the best over the
// references, as mistral-evals computes it: no threshold. Both sides are
// lowered, their spaces collapsed and their last punctuation cut.
func ANLS(answer string, references []string) float64 { return similarity(answer, references, trimmed) }

// OfficialANLS is the definition of ST-VQA and DocVQA (arXiv 1905.13648,
// equation 1): a similarity below a half counts nothing, and texts are only
// lowered and trimmed.
func OfficialANLS(answer string, references []string) float64 {
	s := similarity(answer, references, func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) })
	if s <= 0.5 {
		return 0
	}
	return s
}

func trimmed(s string) string { return trimEnd(strings.Join(strings.Fields(strings.ToLower(s)), " ")) }

func similarity(answer string, references []string, tidy func(string) string) (best float64) {
	answer = tidy(answer)
	for _, ref := range references {
		ref = tidy(ref)
		longest := max(len([]rune(answer)), len([]rune(ref)))
		if longest == 0 {
			return 1
		}
		best = max(best, 1-float64(levenshtein.ComputeDistance(answer, ref))/float64(longest))
	}
	return best
}
