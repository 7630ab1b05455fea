package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/model"
)

// metrics are what Prometheus is told: HTTP requests are counted here, all else
// is the engine's and read when it is asked for.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	answers  *prometheus.CounterVec
	duration prometheus.Histogram
}

const namespace = "pixtral"

func newMetrics(s *Server) *metrics {
	r := prometheus.NewRegistry()
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "http_requests_total",
			Help: "HTTP requests by path and status."}, []string{"path", "status"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "answers_total",
			Help: "Answers by why they ended."}, []string{"reason"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: "answer_seconds",
			Help: "Time of answers, waiting included.", Buckets: engine.Bounds}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "info", Help: "Always 1.",
		ConstLabels: prometheus.Labels{"model": s.facts.name, "version": s.o.Version}})
	info.Set(1)
	up := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "up", Help: "1 while the model can answer, 0 while its device is lost."}, func() float64 {
		if s.engine.Health() != nil {
			return 0
		}
		return 1
	})
	r.MustRegister(m.requests, m.answers, m.duration, info, up, &engineCollector{s},
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	m.handler = promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	return m
}

// count notes an HTTP request. Paths that are on no route share one name, so
// that nobody can fill the memory with them. Nil metrics count nothing.
func (m *metrics) count(r *http.Request, status int, _ time.Duration) {
	if m == nil {
		return
	}
	path := "other"
	for _, route := range routes() {
		if route.path == r.URL.Path {
			path = route.path
		}
	}
	m.requests.WithLabelValues(path, strconv.Itoa(status)).Inc()
}

// answered notes an answer.
func (m *metrics) answered(reply *model.Reply, took time.Duration) {
	m.answers.WithLabelValues(reply.FinishReason).Inc()
	m.duration.Observe(took.Seconds())
}

// serveMetrics answers GET /metrics.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) error {
	s.metrics.handler.ServeHTTP(w, r)
	return nil
}

// An engineCollector reads the engine's figures.
type engineCollector struct{ s *Server }

// A figure is one of the engine's.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(engine.Stats) float64
}

func counter(name, help string, of func(engine.Stats) uint64) figure {
	return figure{prometheus.NewDesc(namespace+"_"+name, help, nil, nil), prometheus.CounterValue,
		func(s engine.Stats) float64 { return float64(of(s)) }}
}

func gauge(name, help string, of func(engine.Stats) int) figure {
	return figure{prometheus.NewDesc(namespace+"_"+name, help, nil, nil), prometheus.GaugeValue,
		func(s engine.Stats) float64 { return float64(of(s)) }}
}

var figures = []figure{
	gauge("requests_running", "Requests under way.", func(s engine.Stats) int { return s.Running }),
	gauge("requests_waiting", "Requests in the queue.", func(s engine.Stats) int { return s.Waiting }),
	counter("requests_finished_total", "Requests that the engine finished, whatever came of them.", func(s engine.Stats) uint64 { return s.Requests }),
	counter("requests_refused_total", "Requests that found the queue full.", func(s engine.Stats) uint64 { return s.Refused }),
	counter("requests_failed_total", "Requests that ended with an error.", func(s engine.Stats) uint64 { return s.Failed }),
	counter("requests_cancelled_total", "Requests whose client had gone.", func(s engine.Stats) uint64 { return s.Cancelled }),
	counter("requests_paused_total", "Times that a request gave its memory to one before it, and began again.", func(s engine.Stats) uint64 { return s.Paused }),
	counter("device_restarts_total", "Times that the device was lost and opened anew.", func(s engine.Stats) uint64 { return s.Restarts }),
	counter("prompt_tokens_total", "Tokens of prompts.", func(s engine.Stats) uint64 { return s.PromptTokens }),
	counter("prompt_tokens_cached_total", "Tokens of prompts that were found in the cache.", func(s engine.Stats) uint64 { return s.CachedTokens }),
	counter("completion_tokens_total", "Tokens of answers.", func(s engine.Stats) uint64 { return s.CompletionTokens }),
	counter("completion_tokens_ahead_total", "Tokens of answers that the device picked ahead of the host.", func(s engine.Stats) uint64 { return s.AheadTokens }),
	counter("completion_tokens_dropped_total", "Tokens that it picked so and that belong to no answer.", func(s engine.Stats) uint64 { return s.DroppedTokens }),
	counter("images_encoded_total", "Images that went through the encoder.", func(s engine.Stats) uint64 { return s.ImagesEncoded }),
	counter("images_cached_total", "Images that were found in the cache.", func(s engine.Stats) uint64 { return s.ImagesFound }),
	gauge("kv_tokens_used", "Tokens in the pool of keys and values.", func(s engine.Stats) int { return s.KVUsed }),
	gauge("kv_tokens", "Tokens that the pool of keys and values holds.", func(s engine.Stats) int { return s.KVTotal }),
}

var (
	firstToken = prometheus.NewDesc(namespace+"_first_token_seconds", "Time from a request's arrival to the first token of its answer.", nil, nil)
	interToken = prometheus.NewDesc(namespace+"_inter_token_seconds", "Time from one token of an answer to the next.", nil, nil)
)

func (c *engineCollector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range figures {
		to <- f.desc
	}
	to <- firstToken
	to <- interToken
}

func (c *engineCollector) Collect(to chan<- prometheus.Metric) {
	stats := c.s.engine.Stats()
	for _, f := range figures {
		to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.of(stats))
	}
	to <- histogram(firstToken, stats.FirstToken)
	to <- histogram(interToken, stats.InterToken)
}

// histogram adds the counts up, as Prometheus wants them.
func histogram(desc *prometheus.Desc, h engine.Histogram) prometheus.Metric {
	buckets, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range engine.Bounds {
		sum += h.Counts[i]
		buckets[bound] = sum
	}
	return prometheus.MustNewConstHistogram(desc, h.Count, h.Sum, buckets)
}
