package engine_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"pixtral-wgpu/engine"
)

// What so many clients at once get of answers of 64 tokens about pictures:
// go test -run '^$' -bench Clients ./engine
func BenchmarkClients(b *testing.B) {
	p := load(b)
	list := prompts(b, p, 64)
	for _, clients := range []int{1, 8, 32} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			e := start(b, p, engine.Options{Context: 1024})
			var tokens, next atomic.Int64
			var all sync.WaitGroup
			b.ResetTimer()
			for range clients {
				all.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						req := engine.Request{Prompt: list[i%64], Sampler: unending(p), MaxTokens: 64}
						reply, err := e.Generate(b.Context(), req, nil)
						if err != nil {
							b.Error(err)
							return
						}
						tokens.Add(int64(len(reply.Tokens)))
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(tokens.Load())/b.Elapsed().Seconds(), "tok/s")
		})
	}
}
