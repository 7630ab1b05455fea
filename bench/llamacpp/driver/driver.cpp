// driver runs llama.cpp for comparisons: it reads commands, one a line, on
// standard input and answers each with one line that begins with "ok" or "error".
//
//   driver LIBRARIES cpu|vulkan
//
//   device                        name of the device
//   load CONTEXT TYPE PATH        open a model, keys and values of ggml type f16, or
//                                 f32, for which attention rounds nothing
//   encode plain TEXT             ids of a text
//   encode chat SYSTEM TAB TEXT   ids of a system prompt and a question, in the form
//                                 of the model's template
//   text ID...                    the text of tokens
//   eval AT ID...                 forget what follows position AT, evaluate tokens:
//                                 seconds
//   greedy N                      take and evaluate the likeliest token N times:
//                                 seconds, then the tokens
//   top K                         the K greatest logits at the end: ID LOGIT ...
//   logits ID...                  some logits at the end
//   matmul TYPE ROWS COLS N W X   take matrices from a file, of rows of a ggml type,
//                                 side by side, and N rows of f32 from another
//   time                          multiply X by each matrix: seconds
//   result PATH                   write the products
//
// Texts have \n for a new line and \\ for a backslash.
#include "ggml-alloc.h"
#include "ggml-backend.h"
#include "ggml.h"
#include "llama.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <strings.h>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using std::string;
using tokens = std::vector<llama_token>;

static void require(bool ok, const char * what) {
    if (!ok) throw std::runtime_error(what);
}

static double seconds() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

static string unescape(const string & s) {
    string out;
    for (size_t i = 0; i < s.size(); i++) {
        if (s[i] == '\\' && i + 1 < s.size()) {
            i++;
            out += s[i] == 'n' ? '\n' : s[i];
        } else {
            out += s[i];
        }
    }
    return out;
}

static string escape(const string & s) {
    string out;
    for (char c : s) {
        if (c == '\n') out += "\\n";
        else if (c == '\\') out += "\\\\";
        else out += c;
    }
    return out;
}

static std::vector<char> read_file(const string & path) {
    std::ifstream f(path, std::ios::binary);
    require(bool(f), "a file can't be read");
    return {std::istreambuf_iterator<char>(f), {}};
}

// rest returns what is left of a line, without the space before it.
static string rest(std::istream & in) {
    string s;
    std::getline(in >> std::ws, s);
    return s;
}

static tokens ids(std::istream & in) {
    return {std::istream_iterator<llama_token>(in), {}};
}

struct language {
    llama_model *   model = nullptr;
    llama_context * ctx   = nullptr;

    ~language() {
        if (ctx) llama_free(ctx);
        if (model) llama_model_free(model);
    }

    void load(ggml_backend_dev_t dev, bool cpu, int context, const string & kv, const string & path) {
        ggml_backend_dev_t devices[] = {cpu ? nullptr : dev, nullptr};
        auto m         = llama_model_default_params();
        m.devices      = devices;
        m.n_gpu_layers = cpu ? 0 : 999;
        model          = llama_model_load_from_file(path.c_str(), m);
        require(model, "the model can't be loaded");
        auto c      = llama_context_default_params();
        c.n_ctx     = context;
        c.n_batch   = context;
        c.n_threads = c.n_threads_batch = cpu ? 1 : std::max(1u, std::thread::hardware_concurrency());
        if (kv == "f32") {
            c.type_k = c.type_v = GGML_TYPE_F32;
            c.flash_attn_type   = LLAMA_FLASH_ATTN_TYPE_DISABLED;
        }
        ctx = llama_init_from_model(model, c);
        require(ctx, "no context can be made");
    }

    const llama_vocab * vocab() const {
        require(model, "no model is loaded");
        return llama_model_get_vocab(model);
    }

    tokens encode(string text, bool chat) const {
        if (chat) {
            size_t tab    = text.find('\t');
            require(tab != string::npos, "a tab is missing");
            string system = text.substr(0, tab), user = text.substr(tab + 1);
            llama_chat_message says[] = {{"system", system.c_str()}, {"user", user.c_str()}};
            std::vector<char>  buf(text.size() + 4096);
            const char * form = llama_model_chat_template(model, nullptr);
            int n = llama_chat_apply_template(form, says, 2, true, buf.data(), buf.size());
            require(n >= 0 && size_t(n) <= buf.size(), "the template can't be applied");
            text = string(buf.data(), n);
        }
        tokens list(text.size() + 8);
        int n = llama_tokenize(vocab(), text.data(), text.size(), list.data(), list.size(), true, chat);
        require(n >= 0, "the text can't be encoded");
        list.resize(n);
        return list;
    }

    string text(const tokens & list) const {
        string out;
        for (llama_token t : list) {
            char buf[256];
            int  n = llama_token_to_piece(vocab(), t, buf, sizeof buf, 0, true);
            out.append(buf, std::max(n, 0));
        }
        return out;
    }

    double eval(int at, tokens list) {
        require(ctx, "no model is loaded");
        require(llama_memory_seq_rm(llama_get_memory(ctx), -1, at, -1), "the cache can't be cut");
        double start = seconds();
        require(llama_decode(ctx, llama_batch_get_one(list.data(), list.size())) == 0, "the tokens can't be evaluated");
        llama_synchronize(ctx);
        return seconds() - start;
    }

    const float * logits() const { return llama_get_logits_ith(ctx, -1); }
    int           size() const { return llama_vocab_n_tokens(vocab()); }

    double greedy(int n, tokens & out) {
        double start = seconds();
        for (int i = 0; i < n; i++) {
            const float * l = logits();
            out.push_back(std::max_element(l, l + size()) - l);
            require(llama_decode(ctx, llama_batch_get_one(&out.back(), 1)) == 0, "a token can't be evaluated");
        }
        llama_synchronize(ctx);
        return seconds() - start;
    }
};

struct product {
    ggml_backend_t              backend = nullptr;
    ggml_context *              ctx     = nullptr;
    ggml_backend_buffer_t       buffer  = nullptr;
    ggml_cgraph *               graph   = nullptr;
    std::vector<ggml_tensor *>  out;

    ~product() {
        if (buffer) ggml_backend_buffer_free(buffer);
        if (ctx) ggml_free(ctx);
        if (backend) ggml_backend_free(backend);
    }

    static ggml_type type_of(const string & name) {
        for (int t = 0; t < GGML_TYPE_COUNT; t++) {
            const char * known = ggml_type_name(ggml_type(t));
            if (known && strcasecmp(known, name.c_str()) == 0) return ggml_type(t);
        }
        throw std::runtime_error("the type is unknown");
    }

    void set(ggml_backend_dev_t dev, const string & type, int64_t rows, int64_t cols, int64_t n, const string & w, const string & x) {
        auto weights = read_file(w), input = read_file(x);
        auto t       = type_of(type);
        size_t size  = ggml_row_size(t, cols) * rows;
        size_t count = weights.size() / size;
        require(count > 0 && weights.size() == count * size, "the weights' file is of another size");
        require(input.size() == size_t(n * cols) * 4, "the input's file is of another size");
        backend = ggml_backend_dev_init(dev, nullptr);
        require(backend, "the device can't be opened");
        ctx   = ggml_init({1 << 20, nullptr, true});
        graph = ggml_new_graph(ctx);
        auto v = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, cols, n);
        std::vector<ggml_tensor *> matrices;
        for (size_t i = 0; i < count; i++) {
            matrices.push_back(ggml_new_tensor_2d(ctx, t, cols, rows));
            out.push_back(ggml_mul_mat(ctx, matrices[i], v));
            ggml_build_forward_expand(graph, out[i]);
        }
        buffer = ggml_backend_alloc_ctx_tensors(ctx, backend);
        require(buffer, "the device's memory is too small");
        ggml_backend_tensor_set(v, input.data(), 0, input.size());
        for (size_t i = 0; i < count; i++) {
            ggml_backend_tensor_set(matrices[i], weights.data() + i * size, 0, size);
        }
    }

    double time() {
        require(graph, "no matrices are set");
        double start = seconds();
        require(ggml_backend_graph_compute(backend, graph) == GGML_STATUS_SUCCESS, "the product failed");
        return seconds() - start;
    }

    void result(const string & path) {
        std::ofstream f(path, std::ios::binary);
        for (auto t : out) {
            std::vector<char> data(ggml_nbytes(t));
            ggml_backend_tensor_get(t, data.data(), 0, data.size());
            f.write(data.data(), data.size());
        }
        require(bool(f.flush()), "the result can't be written");
    }
};

template <class List> static string join(const List & list) {
    std::ostringstream s;
    s.precision(9);
    for (auto & v : list) s << ' ' << v;
    return s.str();
}

int main(int argc, char ** argv) {
    if (argc != 3) {
        std::cerr << "usage: driver LIBRARIES cpu|vulkan\n";
        return 2;
    }
    auto quiet = [](ggml_log_level level, const char * text, void *) {
        if (level >= GGML_LOG_LEVEL_ERROR && level != GGML_LOG_LEVEL_CONT) fputs(text, stderr);
    };
    llama_log_set(quiet, nullptr);
    ggml_backend_load_all_from_path(argv[1]);
    bool cpu = string(argv[2]) == "cpu";
    ggml_backend_dev_t dev = nullptr;
    for (size_t i = 0; i < ggml_backend_dev_count() && !dev; i++) {
        auto d = ggml_backend_dev_get(i);
        if ((ggml_backend_dev_type(d) == GGML_BACKEND_DEVICE_TYPE_CPU) == cpu) dev = d;
    }
    if (!dev) {
        std::cerr << "driver: no device; a software adapter is used only if GGML_VK_VISIBLE_DEVICES names it\n";
        return 1;
    }

    auto model  = std::make_unique<language>();
    auto matmul = std::make_unique<product>();
    std::map<string, std::function<string(std::istream &)>> commands = {
        {"device", [&](std::istream &) { return string(" ") + ggml_backend_dev_description(dev); }},
        {"load", [&](std::istream & in) {
            int    context;
            string kv;
            in >> context >> kv;
            model = std::make_unique<language>();
            model->load(dev, cpu, context, kv, rest(in));
            return string();
        }},
        {"encode", [&](std::istream & in) {
            string how;
            in >> how;
            in.get();
            string text;
            std::getline(in, text);
            return join(model->encode(unescape(text), how == "chat"));
        }},
        {"text", [&](std::istream & in) { return " " + escape(model->text(ids(in))); }},
        {"eval", [&](std::istream & in) {
            int at;
            in >> at;
            return join(std::vector<double>{model->eval(at, ids(in))});
        }},
        {"greedy", [&](std::istream & in) {
            int n;
            in >> n;
            tokens out;
            double took = model->greedy(n, out);
            return join(std::vector<double>{took}) + join(out);
        }},
        {"top", [&](std::istream & in) {
            size_t k;
            in >> k;
            const float * l = model->logits();
            std::vector<int> order(model->size());
            std::iota(order.begin(), order.end(), 0);
            k = std::min(k, order.size());
            std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](int a, int b) { return l[a] > l[b]; });
            std::vector<double> out;
            for (size_t i = 0; i < k; i++) out.insert(out.end(), {double(order[i]), l[order[i]]});
            return join(out);
        }},
        {"logits", [&](std::istream & in) {
            std::vector<float> out;
            for (llama_token t : ids(in)) {
                require(t >= 0 && t < model->size(), "a token is outside the vocabulary");
                out.push_back(model->logits()[t]);
            }
            return join(out);
        }},
        {"matmul", [&](std::istream & in) {
            string type, w, x;
            int64_t rows, cols, n;
            in >> type >> rows >> cols >> n >> w >> x;
            require(bool(in), "too few arguments");
            matmul = std::make_unique<product>();
            matmul->set(dev, type, rows, cols, n, w, x);
            return string();
        }},
        {"time", [&](std::istream &) { return join(std::vector<double>{matmul->time()}); }},
        {"result", [&](std::istream & in) { matmul->result(rest(in)); return string(); }},
    };
    for (string line; std::getline(std::cin, line);) {
        std::istringstream in(line);
        string verb;
        in >> verb;
        try {
            require(commands.count(verb), "the command is unknown");
            string answer = commands[verb](in);
            std::cout << "ok" << answer << std::endl;
        } catch (const std::exception & e) {
            std::cout << "error " << e.what() << std::endl;
        }
    }
}
