package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// The types of errors, in OpenAI's words.
const (
	invalidRequest = "invalid_request_error"
	authentication = "authentication_error"
	permission     = "permission_error"
	notFound       = "not_found_error"
	rateLimit      = "rate_limit_error"
	unavailable    = "service_unavailable"
	timedOut       = "timeout_error"
	notOffered     = "not_implemented_error"
	serverError    = "server_error"
)

// An apiError is an answer that says what is wrong, in OpenAI's shape.
type apiError struct {
	Status  int
	Type    string
	Code    string // "" for none
	Param   string // the field at fault, "" for none
	Message string
	Retry   time.Duration // when to try again, 0 if that is no use
}

func (e *apiError) Error() string { return e.Message }

// bad returns an error of a field of the request.
func bad(param, format string, args ...any) *apiError {
	return &apiError{Status: http.StatusBadRequest, Type: invalidRequest, Param: param, Message: fmt.Sprintf(format, args...)}
}

// statusGone is for the log: nobody is there to read the answer. nginx uses it.
const statusGone = 499

// asAPI puts any error into the shape of the API.
func asAPI(err error) *apiError {
	var (
		api     *apiError
		chat    *tokenizer.ValidationError
		context *model.ContextError
		lost    *gpu.DeviceLostError
		memory  *gpu.OutOfMemoryError
	)
	switch {
	case errors.As(err, &api):
		return api
	case errors.As(err, &chat):
		return &apiError{Status: 400, Type: invalidRequest, Code: string(chat.Kind), Param: chatParam(chat.Kind), Message: chat.Message}
	case errors.As(err, &context):
		return &apiError{Status: 400, Type: invalidRequest, Code: "context_length_exceeded", Param: "messages", Message: context.Error()}
	case errors.Is(err, engine.ErrBusy):
		return &apiError{Status: 429, Type: rateLimit, Code: "queue_full", Retry: time.Second,
			Message: "The queue is full: too many requests are waiting. Try again in a moment."}
	case errors.As(err, &lost), errors.Is(err, engine.ErrDeviceLost):
		return &apiError{Status: 503, Type: unavailable, Code: "device_lost", Retry: 5 * time.Second,
			Message: "The GPU was lost while it worked and is being opened again. Try again in a few seconds."}
	case errors.Is(err, engine.ErrClosed):
		return &apiError{Status: 503, Type: unavailable, Code: "stopping", Message: "The server is stopping."}
	case errors.As(err, &memory):
		return &apiError{Status: 503, Type: unavailable, Code: "out_of_memory", Message: memory.Error() + "; try a smaller image or a shorter prompt"}
	}
	return ended(err)
}

// ended is asAPI for what was not finished.
func ended(err error) *apiError {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &apiError{Status: 504, Type: timedOut, Code: "timeout", Message: "The answer took longer than this server allows (--timeout)."}
	case errors.Is(err, context.Canceled):
		return &apiError{Status: statusGone, Type: serverError, Code: "client_closed", Message: "The client has gone, or the server is stopping."}
	}
	return &apiError{Status: 500, Type: serverError, Message: err.Error()}
}

// chatParam names the field that a conversation's fault lies in.
func chatParam(kind tokenizer.Kind) string {
	switch kind {
	case tokenizer.InvalidTool, tokenizer.InvalidToolSchema:
		return "tools"
	case tokenizer.InvalidRequest:
		return ""
	}
	return "messages"
}

// wireError is the body of an error.
type wireError struct {
	Error wireErrorBody `json:"error"`
}

type wireErrorBody struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

func (e *apiError) wire() wireError {
	return wireError{wireErrorBody{e.Message, e.Type, orNil(e.Param), orNil(e.Code)}}
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// writeError answers with an error.
func writeError(w http.ResponseWriter, err error) {
	e := asAPI(err)
	h := w.Header()
	if e.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(e.Retry.Seconds())))
	}
	if e.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	writeJSON(w, e.Status, e.wire())
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = encoder(w).Encode(v) // a client that has gone is noticed by its context
}

// encoder writes JSON with < and not \u003c.
func encoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

func quote(s string) string { return "`" + shorten(s) + "`" }

func quoteList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return strings.Join(quoted, ", ")
}

// shorten cuts what is too long for an error or a log: data URIs are, and no
// image may get there.
func shorten(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most/2]) + "…"
	}
	return s
}

// cause is what an error of ours says, without the package that says it.
func cause(err error) string {
	text := err.Error()
	for _, prefix := range []string{"tokenizer: ", "chat: ", "model: ", "pixels: ", "engine: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return strings.TrimSuffix(text, ".")
}
