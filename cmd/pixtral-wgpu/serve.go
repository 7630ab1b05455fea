package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/model"
	"pixtral-wgpu/remote"
	"pixtral-wgpu/web"
	"pixtral-wgpu/web/page"
)

type serveFlags struct {
	modelFlag
	fitFlags
	deviceFlags
	endpointFlags
	exif *choice

	host         string
	port         int
	keys         string
	aliases      []string
	allowHosts   []string
	origins      []string
	imageHosts   []string
	mediaDir     string
	slots, queue int
	tokens       int
	sampler      model.Sampler
	maxBody      bytesValue
	maxImage     bytesValue
	maxImages    int
	maxPixels    int
	timeout      time.Duration
	bodyTimeout  time.Duration
	writeTimeout time.Duration
	log          *choice
}

func newServe() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Serve the API of OpenAI and Mistral, and a page to chat",
		Long: `Serve the API of OpenAI and Mistral, and a page to chat.

Clients of either work unchanged: give them the address that is printed, with
/v1 behind it, as their base URL. /openapi.json describes all there is.

With --endpoint the page is that of this program and the answers come from
another engine; looking inside them needs the engine here.

Only this machine can ask, unless --host says otherwise. Ctrl-C lets answers
that are under way finish; a second one does not.`,
		Example: `  pixtral-wgpu serve
  pixtral-wgpu serve -m ~/models/pixtral-12b --quant auto --port 8000
  pixtral-wgpu serve --endpoint http://gpu:8000
  pixtral-wgpu serve --host 0.0.0.0 --api-keys keys.txt --allow-host gpu.example.com
  curl localhost:8080/v1/chat/completions -H 'Content-Type: application/json' \
    -d '{"messages": [{"role": "user", "content": "Hello!"}]}'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fs := cmd.Flags()
	f.modelFlag.add(fs)
	f.modelFlag.addArch(fs)
	fs.StringVar(&f.host, "host", "127.0.0.1", "`address` to listen on; 0.0.0.0 lets other machines ask")
	fs.IntVar(&f.port, "port", 8080, "`number` of the port; 0 picks a free one")
	fs.StringVar(&f.keys, "api-keys", "", "`file` with the keys of those who may ask, one a line (default everybody may)")
	fs.StringArrayVar(&f.aliases, "alias", nil, "another `name` that requests may call the model by; may be repeated")
	fs.StringSliceVar(&f.allowHosts, "allow-host", nil, "`names` that this machine is called by, besides localhost, its own name and its addresses; * allows any")
	fs.StringSliceVar(&f.origins, "allow-origin", nil, "`origins` whose pages may ask (CORS), for example https://chat.example.com; * allows any")
	fs.StringSliceVar(&f.imageHosts, "allow-image-hosts", nil, "`hosts` that images are fetched from when a request names their URL, for example *.wikimedia.org; * allows all that are public (default none)")
	fs.StringVar(&f.mediaDir, "media-dir", "", "`directory` whose images requests may name as file:///… (default none)")
	fs.IntVar(&f.slots, "slots", 32, "`requests` that are answered at once")
	fs.IntVar(&f.queue, "queue", 128, "`requests` that may wait; those beyond are told to come again")
	fs.IntVar(&f.tokens, "kv-tokens", 0, "`tokens` of memory for all requests together, and what is kept for later ones (default what half of the free memory holds)")
	fs.Float64Var(&f.sampler.Temperature, "temperature", 0.35, "how freely to pick tokens where a request does not say, as a `number` from 0, the likeliest, to 2")
	fs.Var(&f.maxBody, "max-body", "largest request, images included (default 64MiB)")
	fs.Var(&f.maxImage, "max-image", "largest image that is fetched or read from --media-dir (default 20MiB)")
	fs.IntVar(&f.maxImages, "max-images", 64, "most `images` of a request")
	fs.IntVar(&f.maxPixels, "max-megapixels", 67, "largest image, in `megapixels`")
	fs.DurationVar(&f.timeout, "timeout", 30*time.Minute, "longest `time` for an answer")
	fs.DurationVar(&f.bodyTimeout, "body-timeout", time.Minute, "longest `time` for a request to arrive")
	fs.DurationVar(&f.writeTimeout, "write-timeout", 30*time.Second, "longest `time` for a client to take what is sent to it; one that takes longer has left")
	f.endpointFlags.add(fs)
	f.exif = exifFlag(fs)
	f.fitFlags.add(fs, "f16", "q8_0", "f32")
	f.deviceFlags.add(fs)
	f.tuneFlags.add(fs)
	f.log = oneOf(fs, "log", "how requests are logged: a line of text, of JSON, or not at all", "text", "json", "off")
	return cmd
}

// check reports a flag that makes no sense.
func (f *serveFlags) check(cmd *cobra.Command) error {
	for _, n := range []struct {
		name       string
		value      int
		from, upTo int
	}{
		{"port", f.port, 0, 65535}, {"slots", f.slots, 1, 256}, {"queue", f.queue, 1, 1 << 20},
		{"max-images", f.maxImages, 1, 1 << 12}, {"max-megapixels", f.maxPixels, 1, 1 << 10},
	} {
		if n.value < n.from || n.value > n.upTo {
			return misuse("--%s %d: it may be %d to %d", n.name, n.value, n.from, n.upTo)
		}
	}
	for name, d := range map[string]time.Duration{"timeout": f.timeout, "body-timeout": f.bodyTimeout, "write-timeout": f.writeTimeout} {
		if d <= 0 {
			return misuse("--%s %v: it must be longer than nothing", name, d)
		}
	}
	if cmd.Flags().Changed("kv-tokens") && f.tokens < f.context {
		return misuse("--kv-tokens %d: one request alone may take the %d of --ctx", f.tokens, f.context)
	}
	if err := f.sampler.Check(); err != nil {
		return misuse("%w", err)
	}
	return f.fitFlags.check(cmd)
}

func (f *serveFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	o, err := f.options(cmd)
	if err != nil {
		return err
	}
	client, err := f.client(cmd, f.model)
	if err != nil {
		return err
	}
	if client != nil {
		return f.relay(cmd, client, o)
	}
	listener, err := f.listen() // before the model is loaded: that takes a while
	if err != nil {
		return err
	}
	defer listener.Close()
	h := &host{f: f, cmd: cmd}
	defer h.close()
	p, err := h.open(cmd.Context())
	if err != nil {
		return err
	}
	e, err := engine.New(p, engine.Options{Context: h.fit.context, Slots: f.slots, Queue: f.queue, Tokens: f.tokens, KV: f.kv.value, Open: h.open})
	if err != nil {
		return err
	}
	o.Context = h.fit.context
	server, err := web.New(e, o)
	if err != nil {
		return errors.Join(err, e.Close())
	}
	defer server.Close()
	f.greet(cmd.ErrOrStderr(), listener.Addr(), fmt.Sprintf("%s on %s, %s at once with up to %d tokens each.", p.Name, p.Device().Info, plural(f.slots, "request"), h.fit.context))
	return server.Serve(cmd.Context(), listener)
}

// relay serves the page for an engine elsewhere.
func (f *serveFlags) relay(cmd *cobra.Command, client *remote.Client, o web.Options) error {
	if err := refuse(cmd, append([]string{"slots", "queue", "kv-tokens", "temperature", "alias"}, elsewhere...)); err != nil {
		return err
	}
	listener, err := f.listen()
	if err != nil {
		return err
	}
	defer listener.Close()
	server, err := web.NewRelay(cmd.Context(), client, o)
	if err != nil {
		return err
	}
	defer server.Close()
	name, err := client.Model(cmd.Context())
	if err != nil {
		return err
	}
	f.greet(cmd.ErrOrStderr(), listener.Addr(), fmt.Sprintf("%s at %s answers.", name, client.URL()))
	return server.Serve(cmd.Context(), listener)
}

// options are what the flags ask of the server.
func (f *serveFlags) options(cmd *cobra.Command) (web.Options, error) {
	release, _ := version()
	o := web.Options{
		Version: release, Sampler: f.sampler, Aliases: f.aliases,
		Page: page.Files(), AllowHosts: f.allowHosts, AllowOrigins: f.origins, ImageHosts: f.imageHosts, MediaDir: f.mediaDir,
		Orientation: orientation(f.exif), MaxBodyBytes: int64(f.maxBody), MaxImages: f.maxImages, MaxPixels: f.maxPixels * 1000000,
		MaxImageBytes: int64(f.maxImage), Timeout: f.timeout, BodyTimeout: f.bodyTimeout, WriteTimeout: f.writeTimeout, Log: f.logger(cmd.ErrOrStderr()),
	}
	if net.ParseIP(f.host) == nil {
		o.AllowHosts = append(o.AllowHosts, f.host)
	}
	if f.mediaDir != "" {
		if info, err := os.Stat(f.mediaDir); err != nil {
			return o, fmt.Errorf("--media-dir %s: %w", f.mediaDir, reason(err))
		} else if !info.IsDir() {
			return o, fmt.Errorf("--media-dir %s: it is not a directory", f.mediaDir)
		}
	}
	if f.keys == "" {
		return o, nil
	}
	file, err := os.Open(f.keys)
	if err != nil {
		return o, fmt.Errorf("--api-keys %s: %w", f.keys, reason(err))
	}
	defer file.Close()
	if o.Keys, err = web.ReadKeys(file); err != nil {
		return o, fmt.Errorf("--api-keys %s: %w", f.keys, err)
	}
	return o, nil
}

func (f *serveFlags) logger(w io.Writer) *slog.Logger {
	switch f.log.value {
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil))
	case "text":
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return nil
}

// listen opens the port.
func (f *serveFlags) listen() (net.Listener, error) {
	address := net.JoinHostPort(strings.Trim(f.host, "[]"), strconv.Itoa(f.port))
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %d is in use on %s, perhaps by another pixtral-wgpu serve; use --port %d, or 0 for any that is free", f.port, f.host, f.port+1)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("port %d needs the rights of an administrator; use --port 8080", f.port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("--host %s: this machine has no such address; use 127.0.0.1 for itself alone, 0.0.0.0 for all that reach it", f.host)
	case err != nil:
		return nil, fmt.Errorf("--host %s --port %d: %w", f.host, f.port, err)
	}
	return l, nil
}

// greet says what is served and where.
func (f *serveFlags) greet(w io.Writer, addr net.Addr, what string) {
	at, _ := netip.ParseAddrPort(addr.String())
	host := at.Addr().Unmap()
	name := host.String()
	if host.IsUnspecified() {
		name = "127.0.0.1"
		if own, err := os.Hostname(); err == nil {
			name = own
		}
	}
	base := "http://" + net.JoinHostPort(name, strconv.Itoa(int(at.Port())))
	fmt.Fprintln(w, what)
	fmt.Fprintf(w, "  page  %s\n", base)
	fmt.Fprintf(w, "  API   %s/v1   (base URL for clients of OpenAI and Mistral)\n", base)
	if f.endpoint == "" {
		fmt.Fprintf(w, "  docs  %s/openapi.json\n", base)
	}
	if !host.IsLoopback() && f.keys == "" {
		fmt.Fprintf(w, "Everybody who reaches this machine can use it: --api-keys FILE asks for a key.\n")
	}
	fmt.Fprintf(w, "Ctrl-C stops it.\n")
}
