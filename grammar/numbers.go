package grammar

import (
	"encoding/json"
	"math/big"
	"strings"
)

// ratOf returns the value of a number, false if it is too large to be reckoned
// with.
func ratOf(n json.Number) (*big.Rat, bool) {
	if _, exponent, ok := strings.Cut(strings.ToLower(n.String()), "e"); len(n) > 64 || ok && len(strings.TrimLeft(exponent, "+-0")) > 2 {
		return nil, false
	}
	return new(big.Rat).SetString(n.String())
}

// A bound is one end of a range of numbers; nil value for none.
type bound struct {
	value     *big.Rat
	exclusive bool
}

// tighter returns the narrower of two bounds; sign is 1 for minimums.
func (a bound) tighter(b bound, sign int) bound {
	switch {
	case a.value == nil:
		return b
	case b.value == nil:
		return a
	}
	switch order := a.value.Cmp(b.value) * sign; {
	case order > 0 || order == 0 && a.exclusive:
		return a
	}
	return b
}

// largest is the largest whole number that is written.
var largest = new(big.Int).Sub(new(big.Int).Exp(big.NewInt(10), big.NewInt(mostDigits), nil), big.NewInt(1))

// bounded writes the rule of the numbers within bounds, with a few digits behind
// the point if they are not integers.
func (b *builder) bounded(rule int, integer bool, lo, hi bound) {
	most := 0
	if !integer {
		most = decimals(lo, hi)
	}
	var ends []state
	for digits := 0; digits <= most; digits++ {
		ends = append(ends, b.scaled(b.start(rule), digits, lo, hi)...)
	}
	b.finish(rule, b.join(ends...)) // without ends it has no number, and is found to have none
}

// decimals returns how many digits there may be behind the point: enough for the
// bounds, and two more to get between them.
func decimals(bounds ...bound) int {
	n := 0
	for _, x := range bounds {
		if x.value != nil {
			for scale := new(big.Rat).Set(x.value); !scale.IsInt() && n < mostDigits-3; n++ {
				scale.Mul(x.value, new(big.Rat).SetInt(power(n+1)))
			}
		}
	}
	return n + 2
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// scaled takes the numbers within bounds that have exactly so many digits behind
// the point, and returns where they end.
func (b *builder) scaled(from state, digits int, lo, hi bound) (ends []state) {
	scale, most := power(digits), new(big.Int).Mul(largest, power(digits))
	low, high := new(big.Int).Neg(most), most
	if lo.value != nil {
		low = ceil(lo, scale)
	}
	if hi.value != nil {
		mirrored := ceil(bound{new(big.Rat).Neg(hi.value), hi.exclusive}, scale)
		high = mirrored.Neg(mirrored)
	}
	zero := new(big.Int)
	if high.Cmp(zero) >= 0 && high.Cmp(low) >= 0 {
		ends = append(ends, b.naturals(from, digits, maxOf(low, zero), minOf(high, most))...)
	}
	if low.Sign() < 0 && high.Cmp(low) >= 0 {
		minus := b.bytes(from, '-', '-')
		ends = append(ends, b.naturals(minus, digits, maxOf(new(big.Int).Neg(high), big.NewInt(1)), minOf(new(big.Int).Neg(low), most))...)
	}
	return ends
}

// ceil returns the smallest whole number of units that is not below a bound.
func ceil(x bound, scale *big.Int) *big.Int {
	scaled := new(big.Rat).Mul(x.value, new(big.Rat).SetInt(scale))
	n, rest := new(big.Int).DivMod(scaled.Num(), scaled.Denom(), new(big.Int)) // rounded down
	if rest.Sign() > 0 || x.exclusive {
		n.Add(n, big.NewInt(1))
	}
	return n
}

func maxOf(a, b *big.Int) *big.Int {
	if a.Cmp(b) > 0 {
		return a
	}
	return b
}

func minOf(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

// naturals takes the whole numbers from lo to hi, written without zeros in front
// but for those that stand before the point.
func (b *builder) naturals(from state, decimals int, lo, hi *big.Int) (ends []state) {
	if lo.Cmp(hi) > 0 {
		return nil
	}
	low, high := padded(lo.String(), decimals+1), padded(hi.String(), decimals+1)
	for n := len(low); n <= len(high); n++ {
		least, most := low, high
		if n > len(low) {
			least = "1" + strings.Repeat("0", n-1)
		}
		if n < len(high) {
			most = strings.Repeat("9", n)
		}
		ends = append(ends, b.between(from, least, most, len(least)-decimals, 0, true, true))
	}
	return ends
}

func padded(text string, n int) string { return strings.Repeat("0", max(0, n-len(text))) + text }

// between takes the texts of digits from lo to hi, which are as long, with a
// point before the digit at point. low and high say whether what was taken is
// the beginning of lo, of hi.
func (b *builder) between(from state, lo, hi string, point, at int, low, high bool) state {
	if at == len(lo) {
		return from
	}
	if at == point {
		from = b.bytes(from, '.', '.')
	}
	if !low && !high {
		return b.between(b.bytes(from, '0', '9'), lo, hi, point, at+1, false, false)
	}
	first, last := byte('0'), byte('9')
	if low {
		first = lo[at]
	}
	if high {
		last = hi[at]
	}
	if first == last {
		return b.between(b.bytes(from, first, last), lo, hi, point, at+1, low, high)
	}
	var ends []state
	if low {
		ends = append(ends, b.between(b.bytes(from, first, first), lo, hi, point, at+1, true, false))
		first++
	}
	if high {
		ends = append(ends, b.between(b.bytes(from, last, last), lo, hi, point, at+1, false, true))
		last--
	}
	if first <= last {
		ends = append(ends, b.between(b.bytes(from, first, last), lo, hi, point, at+1, false, false))
	}
	return b.join(ends...)
}
