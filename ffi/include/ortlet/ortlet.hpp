// Ortlet for C++17: the C interface with owners, exceptions and typed views. Header only; link with libortlet.
//
//   ortlet::Session session("model.onnx");
//   std::vector<float> pixels(3 * 224 * 224);
//   ortlet::Outputs outputs = session.run({{"image", ortlet::view(pixels, {1, 3, 224, 224})}});
//   ortlet::Span<const float> scores = outputs["scores"].as<float>();
//
// Owners (Session, Outputs, Value, Model, ...) are move-only and free what they own. Views (TensorView, ValueView, Span)
// own nothing: they last as long as what they came from. Failures throw ortlet::Error. What is `const` may be used by any
// number of threads at once; everything else by one at a time. Options and reports are JSON texts; an empty text means
// the defaults. What each function does, asks and can fail with is told in ortlet.h, under the same name.
#ifndef ORTLET_ORTLET_HPP
#define ORTLET_ORTLET_HPP

#include <ortlet/ortlet.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ortlet {

// Why something failed. Numbers are those of ortlet.h.
enum class ErrorCode : std::uint32_t {
  invalid_argument = ORTLET_INVALID_ARGUMENT,
  invalid_model = ORTLET_INVALID_MODEL,
  unsupported = ORTLET_UNSUPPORTED,
  tensor_mismatch = ORTLET_TENSOR_MISMATCH,
  not_found = ORTLET_NOT_FOUND,
  io = ORTLET_IO,
  runtime_not_found = ORTLET_RUNTIME_NOT_FOUND,
  runtime_incompatible = ORTLET_RUNTIME_INCOMPATIBLE,
  runtime_failed = ORTLET_RUNTIME_FAILED,
  deadline_exceeded = ORTLET_DEADLINE_EXCEEDED,
  cancelled = ORTLET_CANCELLED,
  pool_exhausted = ORTLET_POOL_EXHAUSTED,
  integrity = ORTLET_INTEGRITY,
  accuracy_budget = ORTLET_ACCURACY_BUDGET,
  limit_exceeded = ORTLET_LIMIT_EXCEEDED,
  internal = ORTLET_INTERNAL,
};

// What went wrong and where: `what()` in words, `details()` as a JSON object.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string &message, std::string details)
      : std::runtime_error(message), code_(code), details_(std::move(details)) {}

  // Takes over an error of the C interface.
  explicit Error(ortlet_error *error) : Error(Owned(error)) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string &details() const noexcept { return details_; }

 private:
  struct Free {
    void operator()(ortlet_error *error) const noexcept { ortlet_error_free(error); }
  };
  using Owned = std::unique_ptr<ortlet_error, Free>;

  explicit Error(const Owned &error)
      : Error(static_cast<ErrorCode>(ortlet_error_code(error.get())), ortlet_error_message(error.get()),
              ortlet_error_details(error.get())) {}

  ErrorCode code_;
  std::string details_;
};

// The type of a tensor's elements. Numbers are those of ONNX.
enum class DType : std::uint32_t {
  float32 = ORTLET_FLOAT32,
  uint8 = ORTLET_UINT8,
  int8 = ORTLET_INT8,
  uint16 = ORTLET_UINT16,
  int16 = ORTLET_INT16,
  int32 = ORTLET_INT32,
  int64 = ORTLET_INT64,
  string = ORTLET_STRING,
  boolean = ORTLET_BOOL,
  float16 = ORTLET_FLOAT16,
  float64 = ORTLET_FLOAT64,
  uint32 = ORTLET_UINT32,
  uint64 = ORTLET_UINT64,
  complex64 = ORTLET_COMPLEX64,
  complex128 = ORTLET_COMPLEX128,
  bfloat16 = ORTLET_BFLOAT16,
  float8_e4m3fn = ORTLET_FLOAT8_E4M3FN,
  float8_e4m3fnuz = ORTLET_FLOAT8_E4M3FNUZ,
  float8_e5m2 = ORTLET_FLOAT8_E5M2,
  float8_e5m2fnuz = ORTLET_FLOAT8_E5M2FNUZ,
  uint4 = ORTLET_UINT4,
  int4 = ORTLET_INT4,
  float4_e2m1fn = ORTLET_FLOAT4_E2M1FN,
  float8_e8m0fnu = ORTLET_FLOAT8_E8M0FNU,
  uint2 = ORTLET_UINT2,
  int2 = ORTLET_INT2,
};

// The name of a type, the same in every language.
inline const char *name(DType dtype) noexcept {
  switch (dtype) {
    case DType::float32: return "float32";
    case DType::uint8: return "uint8";
    case DType::int8: return "int8";
    case DType::uint16: return "uint16";
    case DType::int16: return "int16";
    case DType::int32: return "int32";
    case DType::int64: return "int64";
    case DType::string: return "string";
    case DType::boolean: return "bool";
    case DType::float16: return "float16";
    case DType::float64: return "float64";
    case DType::uint32: return "uint32";
    case DType::uint64: return "uint64";
    case DType::complex64: return "complex64";
    case DType::complex128: return "complex128";
    case DType::bfloat16: return "bfloat16";
    case DType::float8_e4m3fn: return "float8_e4m3fn";
    case DType::float8_e4m3fnuz: return "float8_e4m3fnuz";
    case DType::float8_e5m2: return "float8_e5m2";
    case DType::float8_e5m2fnuz: return "float8_e5m2fnuz";
    case DType::uint4: return "uint4";
    case DType::int4: return "int4";
    case DType::float4_e2m1fn: return "float4_e2m1fn";
    case DType::float8_e8m0fnu: return "float8_e8m0fnu";
    case DType::uint2: return "uint2";
    case DType::int2: return "int2";
  }
  return "unknown";
}

// The type of elements that a C++ type stands for. Specialize it for types of your own, such as a 16-bit float.
template <class T>
struct dtype_of;
template <> struct dtype_of<float> { static constexpr DType value = DType::float32; };
template <> struct dtype_of<double> { static constexpr DType value = DType::float64; };
template <> struct dtype_of<std::int8_t> { static constexpr DType value = DType::int8; };
template <> struct dtype_of<std::uint8_t> { static constexpr DType value = DType::uint8; };
template <> struct dtype_of<std::int16_t> { static constexpr DType value = DType::int16; };
template <> struct dtype_of<std::uint16_t> { static constexpr DType value = DType::uint16; };
template <> struct dtype_of<std::int32_t> { static constexpr DType value = DType::int32; };
template <> struct dtype_of<std::uint32_t> { static constexpr DType value = DType::uint32; };
template <> struct dtype_of<std::int64_t> { static constexpr DType value = DType::int64; };
template <> struct dtype_of<std::uint64_t> { static constexpr DType value = DType::uint64; };
template <> struct dtype_of<bool> { static constexpr DType value = DType::boolean; };

// The dimensions of a tensor, outermost first; none at all make a scalar.
using Shape = std::vector<std::size_t>;

// Elements in a row that somebody else owns.
template <class T>
class Span {
 public:
  Span() = default;
  Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}

  T *data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  T *begin() const noexcept { return data_; }
  T *end() const noexcept { return data_ + size_; }
  T &operator[](std::size_t index) const noexcept { return data_[index]; }

 private:
  T *data_ = nullptr;
  std::size_t size_ = 0;
};

// A value that a run gives or takes.
enum class Kind : std::uint32_t {
  unknown = 0,
  tensor = ORTLET_KIND_TENSOR,
  sequence = ORTLET_KIND_SEQUENCE,
  map = ORTLET_KIND_MAP,
  optional = ORTLET_KIND_OPTIONAL,
};

namespace detail {

// Calls a function of the C interface, whose last argument is where the error goes.
template <class Function, class... Arguments>
void call(Function function, Arguments... arguments) {
  ortlet_error *error = nullptr;
  if (function(arguments..., &error) != ORTLET_OK) {
    throw Error(error);
  }
}

// Owns a handle of the C interface.
template <class T, void (*free_handle)(T *)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T *handle) noexcept : handle_(handle) {}

  T *get() const noexcept { return handle_.get(); }
  T *release() noexcept { return handle_.release(); }

 private:
  struct Free {
    void operator()(T *handle) const noexcept { free_handle(handle); }
  };
  std::unique_ptr<T, Free> handle_;
};

// Calls a function that hands out a handle as its last argument but the error.
template <class Owner, class T, class Function, class... Arguments>
Owner made(Function function, Arguments... arguments) {
  T *handle = nullptr;
  call(function, arguments..., &handle);
  return Owner(handle);
}

using Buffer = Handle<ortlet_buffer, ortlet_buffer_free>;

inline std::string text(const Buffer &buffer) {
  return buffer.get() ? std::string(ortlet_buffer_data(buffer.get()), ortlet_buffer_size_bytes(buffer.get()))
                      : std::string();
}

// Calls a function that hands out text or bytes.
template <class Function, class... Arguments>
std::string text_of(Function function, Arguments... arguments) {
  return text(made<Buffer, ortlet_buffer>(function, arguments...));
}

// Options for the C interface: NULL for none.
inline const char *options(const std::string &json) noexcept { return json.empty() ? nullptr : json.c_str(); }

[[noreturn]] inline void mismatch(const std::string &expected, const std::string &actual) {
  const std::string message = "tensor `view`: expected " + expected + ", got " + actual;
  throw Error(ErrorCode::tensor_mismatch, message,
              R"({"code":"tensor_mismatch","tensor":"view","expected":")" + expected + R"(","actual":")" + actual +
                  R"(","message":")" + message + R"("})");
}

}  // namespace detail

// A tensor in memory that somebody else owns.
class TensorView {
 public:
  TensorView() = default;

  // A tensor of raw elements.
  TensorView(DType dtype, const void *data, std::size_t size_bytes, Shape shape)
      : dtype_(dtype), data_(data), size_bytes_(size_bytes), shape_(std::move(shape)) {}

  explicit TensorView(const ortlet_tensor &tensor)
      : TensorView(static_cast<DType>(tensor.dtype), tensor.data, tensor.size_bytes,
                   Shape(tensor.shape, tensor.shape + tensor.rank)) {}

  DType dtype() const noexcept { return dtype_; }
  const Shape &shape() const & noexcept { return shape_; }
  // By value of a view that is about to end, so that loops over it are safe.
  Shape shape() && noexcept { return std::move(shape_); }
  const void *data() const noexcept { return data_; }
  std::size_t size_bytes() const noexcept { return size_bytes_; }

  // The elements. Throws if T is not their type, or they are misaligned for it.
  template <class T>
  Span<const T> as() const {
    if (dtype_ != dtype_of<T>::value) {
      detail::mismatch(name(dtype_of<T>::value), name(dtype_));
    }
    if (reinterpret_cast<std::uintptr_t>(data_) % alignof(T) != 0) {
      detail::mismatch(name(dtype_), std::string("misaligned ") + name(dtype_));
    }
    return {static_cast<const T *>(data_), size_bytes_ / sizeof(T)};
  }

  // The tensor for the C interface; lasts as long as this view.
  ortlet_tensor c_tensor() const noexcept {
    return {data_, size_bytes_, shape_.data(), shape_.size(), static_cast<ortlet_dtype>(dtype_)};
  }

 private:
  DType dtype_ = DType::float32;
  const void *data_ = nullptr;
  std::size_t size_bytes_ = 0;
  Shape shape_;
};

// A tensor in memory, whose elements may be changed.
class MutableTensorView {
 public:
  MutableTensorView(DType dtype, void *data, std::size_t size_bytes, Shape shape)
      : dtype_(dtype), data_(data), size_bytes_(size_bytes), shape_(std::move(shape)) {}

  explicit MutableTensorView(const ortlet_tensor_mut &tensor)
      : MutableTensorView(static_cast<DType>(tensor.dtype), tensor.data, tensor.size_bytes,
                          Shape(tensor.shape, tensor.shape + tensor.rank)) {}

  DType dtype() const noexcept { return dtype_; }
  const Shape &shape() const & noexcept { return shape_; }
  // By value of a view that is about to end, so that loops over it are safe.
  Shape shape() && noexcept { return std::move(shape_); }
  void *data() const noexcept { return data_; }
  std::size_t size_bytes() const noexcept { return size_bytes_; }

  // The elements. Throws if T is not their type, or they are misaligned for it.
  template <class T>
  Span<T> as() const {
    const Span<const T> elements = TensorView(dtype_, data_, size_bytes_, {}).as<T>();
    return {static_cast<T *>(data_), elements.size()};
  }

  ortlet_tensor_mut c_tensor() const noexcept {
    return {data_, size_bytes_, shape_.data(), shape_.size(), static_cast<ortlet_dtype>(dtype_)};
  }

 private:
  DType dtype_;
  void *data_;
  std::size_t size_bytes_;
  Shape shape_;
};

// A view of a vector, an array or anything else with data() and size(), as a tensor of this shape.
template <class Elements>
TensorView view(const Elements &elements, Shape shape) {
  using T = std::remove_cv_t<std::remove_pointer_t<decltype(elements.data())>>;
  return {dtype_of<T>::value, elements.data(), elements.size() * sizeof(T), std::move(shape)};
}

// The same, to be changed.
template <class Elements>
MutableTensorView mutable_view(Elements &elements, Shape shape) {
  using T = std::remove_pointer_t<decltype(elements.data())>;
  return {dtype_of<T>::value, elements.data(), elements.size() * sizeof(T), std::move(shape)};
}

class Value;

// A value that somebody else owns.
class ValueView {
 public:
  explicit ValueView(const ortlet_value *value) noexcept : value_(value) {}

  Kind kind() const noexcept { return static_cast<Kind>(ortlet_value_kind(value_)); }

  // The tensor; throws if it is none.
  TensorView tensor() const {
    ortlet_tensor tensor{};
    detail::call(ortlet_value_tensor, value_, &tensor);
    return TensorView(tensor);
  }

  // The elements of the tensor; throws if T is not their type.
  template <class T>
  Span<const T> as() const {
    return tensor().as<T>();
  }

  Shape shape() const { return tensor().shape(); }

  // The texts of a tensor of texts; throws if it is none.
  std::vector<std::string_view> strings() const {
    std::size_t count = 1;
    for (const std::size_t size : shape()) {
      count *= size;
    }
    std::vector<std::string_view> strings;
    strings.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
      const char *data = nullptr;
      std::size_t size = 0;
      detail::call(ortlet_value_string, value_, index, &data, &size);
      strings.emplace_back(data, size);
    }
    return strings;
  }

  // How many values a sequence has; 1 or 0 for a value that may be nothing.
  std::size_t size() const noexcept { return ortlet_value_element_count(value_); }

  // A value of a sequence, or what a value that may be nothing holds.
  ValueView operator[](std::size_t index) const {
    const ortlet_value *element = nullptr;
    detail::call(ortlet_value_element, value_, index, &element);
    return ValueView(element);
  }

  // The keys and values of a map, as tensors of their own.
  Value keys() const;
  Value values() const;

  const ortlet_value *c_value() const noexcept { return value_; }

 private:
  const ortlet_value *value_;
};

// A value of one's own.
class Value {
 public:
  explicit Value(ortlet_value *value) noexcept : handle_(value) {}

  // A copy of a tensor.
  explicit Value(const TensorView &tensor) {
    const ortlet_tensor own = tensor.c_tensor();
    *this = detail::made<Value, ortlet_value>(ortlet_value_new_tensor, &own);
  }

  // A tensor of texts.
  static Value strings(const std::vector<std::string> &strings, const Shape &shape) {
    std::vector<const char *> pointers;
    pointers.reserve(strings.size());
    for (const std::string &string : strings) {
      pointers.push_back(string.c_str());
    }
    return detail::made<Value, ortlet_value>(ortlet_value_new_strings, pointers.data(), pointers.size(),
                                             shape.data(), shape.size());
  }

  // A sequence of copies of values.
  static Value sequence(const std::vector<ValueView> &elements) {
    std::vector<const ortlet_value *> pointers;
    pointers.reserve(elements.size());
    for (const ValueView &element : elements) {
      pointers.push_back(element.c_value());
    }
    return detail::made<Value, ortlet_value>(ortlet_value_new_sequence, pointers.data(), pointers.size());
  }

  // A map of copies of two tensors.
  static Value map(ValueView keys, ValueView values) {
    return detail::made<Value, ortlet_value>(ortlet_value_new_map, keys.c_value(), values.c_value());
  }

  // A value that may be nothing: a copy of another one, or nothing.
  static Value optional(std::optional<ValueView> element) {
    const ortlet_value *own = element ? element->c_value() : nullptr;
    return detail::made<Value, ortlet_value>(ortlet_value_new_optional, own);
  }

  ValueView view() const noexcept { return ValueView(handle_.get()); }
  operator ValueView() const noexcept { return view(); }

 private:
  detail::Handle<ortlet_value, ortlet_value_free> handle_;
};

inline Value ValueView::keys() const { return detail::made<Value, ortlet_value>(ortlet_value_map_keys, value_); }
inline Value ValueView::values() const { return detail::made<Value, ortlet_value>(ortlet_value_map_values, value_); }

// Cancels the work that it was given to, from any thread.
class CancelToken {
 public:
  CancelToken() : handle_(detail::made<Handle, ortlet_cancel_token>(ortlet_cancel_token_new)) {}

  void cancel() const { detail::call(ortlet_cancel_token_cancel, handle_.get()); }
  bool is_cancelled() const noexcept { return ortlet_cancel_token_is_cancelled(handle_.get()); }
  const ortlet_cancel_token *c_token() const noexcept { return handle_.get(); }

 private:
  using Handle = detail::Handle<ortlet_cancel_token, ortlet_cancel_token_free>;
  Handle handle_;
};

// A name and what is given for it: a view of a tensor or of a value.
class Input {
 public:
  Input(std::string name, TensorView tensor) : name_(std::move(name)), tensor_(std::move(tensor)) {}
  Input(std::string name, ValueView value) : name_(std::move(name)), value_(value.c_value()) {}
  Input(std::string name, const Value &value) : Input(std::move(name), value.view()) {}

  // The input for the C interface; lasts as long as this one.
  ortlet_input c_input() const noexcept { return {name_.c_str(), value_, tensor_.c_tensor()}; }

 private:
  std::string name_;
  TensorView tensor_;
  const ortlet_value *value_ = nullptr;
};

using Inputs = std::vector<Input>;

namespace detail {

inline std::vector<ortlet_input> c_inputs(const Inputs &inputs) {
  std::vector<ortlet_input> all;
  all.reserve(inputs.size());
  for (const Input &input : inputs) {
    all.push_back(input.c_input());
  }
  return all;
}

}  // namespace detail

// How one run differs from the others.
struct RunOptions {
  // The time that the run may take, from the call on.
  std::optional<std::chrono::nanoseconds> deadline;
  // What ends the run; it has to last until then.
  const CancelToken *cancel = nullptr;
  // Names of the outputs to give, in this order; all of them if it is not set.
  std::optional<std::vector<std::string>> outputs;
};

namespace detail {

// Options of a run for the C interface; lasts as long as this.
class COptions {
 public:
  explicit COptions(const RunOptions &options) {
    if (options.outputs) {
      for (const std::string &output : *options.outputs) {
        names_.push_back(output.c_str());
      }
      options_.output_count = names_.size();
      // An empty list is another thing than none.
      names_.push_back(nullptr);
      options_.outputs = names_.data();
    }
    if (options.deadline) {
      const auto ns = options.deadline->count();
      deadline_ns_ = ns > 0 ? static_cast<std::uint64_t>(ns) : 0;
      options_.deadline_ns = &deadline_ns_;
    }
    options_.cancel = options.cancel != nullptr ? options.cancel->c_token() : nullptr;
  }
  COptions(const COptions &) = delete;
  COptions &operator=(const COptions &) = delete;

  const ortlet_run_options *get() const noexcept { return &options_; }

 private:
  std::vector<const char *> names_;
  std::uint64_t deadline_ns_ = 0;
  ortlet_run_options options_{};
};

}  // namespace detail

// What a run gives. It outlasts the session.
class Outputs {
 public:
  explicit Outputs(ortlet_outputs *outputs) noexcept : handle_(outputs) {}

  std::size_t size() const noexcept { return ortlet_outputs_count(handle_.get()); }

  // The output of this name; throws if there is none.
  ValueView operator[](const std::string &name) const {
    const ortlet_value *value = nullptr;
    detail::call(ortlet_outputs_get, handle_.get(), name.c_str(), &value);
    return ValueView(value);
  }

  // Name and value of the output of this number.
  std::pair<std::string, ValueView> at(std::size_t index) const {
    ortlet_named_value output{};
    detail::call(ortlet_outputs_at, handle_.get(), index, &output);
    return {output.name, ValueView(output.value)};
  }

 private:
  detail::Handle<ortlet_outputs, ortlet_outputs_free> handle_;
};

// A declared input or output.
struct ValueInfo {
  std::string name;
  // The type in words, for example `float32[batch, 3, 224, 224]`.
  std::string type;
  Kind kind = Kind::unknown;
  // Of tensors; 0 of anything else.
  DType dtype{};
  // The dimensions, -1 where any size will do; none if their number is not declared.
  std::optional<std::vector<std::int64_t>> shape;
  // The names of the dimensions, empty for those without one.
  std::vector<std::string> symbols;
};

// Batches of real inputs, to measure with.
class Samples {
 public:
  Samples() : handle_(detail::made<Handle, ortlet_samples>(ortlet_samples_new)) {}

  // Adds a copy of a batch.
  void add(const Inputs &batch) {
    const std::vector<ortlet_input> inputs = detail::c_inputs(batch);
    detail::call(ortlet_samples_add, handle_.get(), inputs.data(), inputs.size());
  }

  std::size_t size() const noexcept { return ortlet_samples_count(handle_.get()); }
  const ortlet_samples *c_samples() const noexcept { return handle_.get(); }

 private:
  using Handle = detail::Handle<ortlet_samples, ortlet_samples_free>;
  Handle handle_;
};

// Outputs of one run, by name.
using NamedValues = std::vector<std::pair<std::string, ValueView>>;

// What options in JSON cannot hold. What it leads to has to last until the call returns. Exceptions of the functions end
// the work and come out of the call.
struct Hooks {
  const Samples *samples = nullptr;
  const CancelToken *cancel = nullptr;
  // Is told how the work goes, as a JSON object.
  std::function<void(const std::string &progress_json)> progress;
  // Judges a candidate's outputs for one sample against the reference's; larger is better.
  std::function<double(const NamedValues &reference, const NamedValues &candidate)> measure;
  // The least that the mean of `measure` may be.
  double measure_at_least = 0;
};

namespace detail {

// Hooks for the C interface, and what was thrown in them.
class CHooks {
 public:
  explicit CHooks(const Hooks &hooks) : hooks_(hooks) {
    c_hooks_.samples = hooks.samples != nullptr ? hooks.samples->c_samples() : nullptr;
    c_hooks_.cancel = token().c_token();
    c_hooks_.progress = hooks.progress ? progress : nullptr;
    c_hooks_.measure = hooks.measure ? measure : nullptr;
    c_hooks_.measure_at_least = hooks.measure_at_least;
    c_hooks_.user_data = this;
  }
  CHooks(const CHooks &) = delete;
  CHooks &operator=(const CHooks &) = delete;

  const ortlet_hooks *get() const noexcept { return &c_hooks_; }

  // Makes a call; what was thrown in a hook comes before what the call says.
  template <class Call>
  auto run(Call call) {
    try {
      return call();
    } catch (const Error &) {
      if (thrown_) {
        std::rethrow_exception(thrown_);
      }
      throw;
    }
  }

 private:
  const CancelToken &token() const noexcept { return hooks_.cancel != nullptr ? *hooks_.cancel : own_token_; }

  // No exception may cross the C interface: it is kept, and the work is ended.
  void keep_exception() noexcept {
    if (!thrown_) {
      thrown_ = std::current_exception();
    }
    ortlet_cancel_token_cancel(token().c_token(), nullptr);
  }

  static void progress(void *self, const char *json) {
    CHooks &hooks = *static_cast<CHooks *>(self);
    try {
      hooks.hooks_.progress(json);
    } catch (...) {
      hooks.keep_exception();
    }
  }

  static double measure(void *self, const ortlet_named_value *reference, const ortlet_named_value *candidate,
                        std::size_t count) {
    CHooks &hooks = *static_cast<CHooks *>(self);
    try {
      return hooks.hooks_.measure(named(reference, count), named(candidate, count));
    } catch (...) {
      hooks.keep_exception();
      return std::numeric_limits<double>::quiet_NaN();
    }
  }

  static NamedValues named(const ortlet_named_value *values, std::size_t count) {
    NamedValues named;
    named.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
      named.emplace_back(values[index].name, ValueView(values[index].value));
    }
    return named;
  }

  const Hooks &hooks_;
  CancelToken own_token_;
  std::exception_ptr thrown_;
  ortlet_hooks c_hooks_{};
};

}  // namespace detail

// A model as data.
class Model {
 public:
  explicit Model(ortlet_model *model) noexcept : handle_(model) {}

  static Model open(const std::string &path) {
    return detail::made<Model, ortlet_model>(ortlet_model_open, path.c_str());
  }
  static Model parse(const void *data, std::size_t size_bytes) {
    return detail::made<Model, ortlet_model>(ortlet_model_parse, static_cast<const std::uint8_t *>(data), size_bytes);
  }

  // What is inside, as JSON.
  std::string report() const { return detail::text_of(ortlet_model_report, c_model()); }
  // The bytes of an ONNX file.
  std::string to_bytes() const { return detail::text_of(ortlet_model_to_bytes, c_model()); }
  void save(const std::string &path) const { detail::call(ortlet_model_save, c_model(), path.c_str()); }

  const ortlet_model *c_model() const noexcept { return handle_.get(); }

 private:
  detail::Handle<ortlet_model, ortlet_model_free> handle_;
};

// Inputs and outputs in fixed memory, for runs without any allocation.
class Binding {
 public:
  explicit Binding(ortlet_binding *binding) noexcept : handle_(binding) {}

  void run() { detail::call(ortlet_binding_run, handle_.get(), static_cast<const ortlet_run_options *>(nullptr)); }
  void run(const RunOptions &options) {
    const detail::COptions own(options);
    detail::call(ortlet_binding_run, handle_.get(), own.get());
  }

  // An input's memory. Of one that is tied, what the next run reads.
  MutableTensorView input(const std::string &name) {
    ortlet_tensor_mut tensor{};
    detail::call(ortlet_binding_input, handle_.get(), name.c_str(), &tensor);
    return MutableTensorView(tensor);
  }
  template <class T>
  Span<T> input(const std::string &name) {
    return input(name).as<T>();
  }

  // An output of the last run.
  TensorView output(const std::string &name) {
    ortlet_tensor tensor{};
    detail::call(ortlet_binding_output, handle_.get(), name.c_str(), &tensor);
    return TensorView(tensor);
  }
  template <class T>
  Span<const T> output(const std::string &name) {
    return output(name).as<T>();
  }

 private:
  detail::Handle<ortlet_binding, ortlet_binding_free> handle_;
};

// Says what a binding is to be.
class Binder {
 public:
  explicit Binder(const ortlet_session *session)
      : handle_(detail::made<Handle, ortlet_binder>(ortlet_binder_new, session)) {}

  // The shape of an input or output.
  Binder &shape(const std::string &name, const Shape &shape) {
    detail::call(ortlet_binder_shape, handle_.get(), name.c_str(), shape.data(), shape.size());
    return *this;
  }
  // Memory for an input or output; it has to last as long as the bindings.
  Binder &memory(const std::string &name, const MutableTensorView &memory) {
    const ortlet_tensor_mut tensor = memory.c_tensor();
    detail::call(ortlet_binder_memory, handle_.get(), name.c_str(), &tensor);
    return *this;
  }
  // Makes each run's output the next run's input.
  Binder &tie(const std::string &output, const std::string &input) {
    detail::call(ortlet_binder_tie, handle_.get(), output.c_str(), input.c_str());
    return *this;
  }
  Binding bind() const { return detail::made<Binding, ortlet_binding>(ortlet_binder_bind, handle_.get()); }

 private:
  using Handle = detail::Handle<ortlet_binder, ortlet_binder_free>;
  Handle handle_;
};

// A model that is ready to run. Any number of threads may run it at once.
class Session {
 public:
  // A model file, or an artifact that `compile` made.
  explicit Session(const std::string &path, const std::string &options_json = {})
      : Session(detail::made<Session, ortlet_session>(ortlet_session_load, path.c_str(),
                                                      detail::options(options_json))) {}

  explicit Session(ortlet_session *session) noexcept : handle_(session) {}

  // As the constructor, with a say in how a precision is chosen.
  static Session load(const std::string &path, const std::string &precision_options_json, const Hooks &hooks = {}) {
    detail::CHooks own(hooks);
    return own.run([&] {
      return detail::made<Session, ortlet_session>(ortlet_session_load_with, path.c_str(),
                                                   detail::options(precision_options_json), own.get());
    });
  }

  // A model in memory, which is not needed afterwards.
  static Session from_bytes(const void *data, std::size_t size_bytes, const std::string &options_json = {}) {
    return detail::made<Session, ortlet_session>(ortlet_session_from_bytes, static_cast<const std::uint8_t *>(data),
                                                 size_bytes, detail::options(options_json));
  }

  // A model as data, which is not needed afterwards.
  static Session from_model(const Model &model, const std::string &precision_options_json = {},
                            const Hooks &hooks = {}) {
    detail::CHooks own(hooks);
    return own.run([&] {
      return detail::made<Session, ortlet_session>(ortlet_session_from_model, model.c_model(),
                                                   detail::options(precision_options_json), own.get());
    });
  }

  Outputs run(const Inputs &inputs) const { return run(inputs, static_cast<const ortlet_run_options *>(nullptr)); }
  Outputs run(const Inputs &inputs, const RunOptions &options) const {
    const detail::COptions own(options);
    return run(inputs, own.get());
  }

  // Runs on another thread. Inputs are copied. Throws for memory that makes no tensor; all else is told by the future.
  std::future<Outputs> run_async(const Inputs &inputs, const RunOptions &options = {}) const {
    const std::vector<ortlet_input> all = detail::c_inputs(inputs);
    const detail::COptions own(options);
    auto promise = std::make_unique<std::promise<Outputs>>();
    std::future<Outputs> future = promise->get_future();
    detail::call(ortlet_session_run_async, c_session(), all.data(), all.size(), own.get(), finish,
                 static_cast<void *>(promise.get()));
    promise.release();
    return future;
  }

  Binder binder() const { return Binder(c_session()); }
  Binding bind(const std::vector<std::pair<std::string, Shape>> &shapes) const {
    Binder binder(c_session());
    for (const auto &[name, shape] : shapes) {
      binder.shape(name, shape);
    }
    return binder.bind();
  }

  std::vector<ValueInfo> inputs() const {
    return infos(ortlet_session_input_count(c_session()), ortlet_session_input);
  }
  std::vector<ValueInfo> outputs() const {
    return infos(ortlet_session_output_count(c_session()), ortlet_session_output);
  }
  std::vector<ValueInfo> overridable_initializers() const {
    return infos(ortlet_session_overridable_initializer_count(c_session()), ortlet_session_overridable_initializer);
  }

  // How the session came to be, as JSON.
  std::string report() const { return detail::text_of(ortlet_session_report, c_session()); }
  // Counts and latencies of its runs, as JSON.
  std::string metrics() const { return detail::text_of(ortlet_session_metrics, c_session()); }

  const ortlet_session *c_session() const noexcept { return handle_.get(); }

 private:
  using GetInfo = ortlet_status (*)(const ortlet_session *, std::size_t, ortlet_value_info *, ortlet_error **);

  Outputs run(const Inputs &inputs, const ortlet_run_options *options) const {
    const std::vector<ortlet_input> all = detail::c_inputs(inputs);
    return detail::made<Outputs, ortlet_outputs>(ortlet_session_run, c_session(), all.data(), all.size(), options);
  }

  static void finish(void *data, ortlet_outputs *outputs, ortlet_error *error) {
    const std::unique_ptr<std::promise<Outputs>> promise(static_cast<std::promise<Outputs> *>(data));
    if (error == nullptr) {
      promise->set_value(Outputs(outputs));
    } else {
      promise->set_exception(std::make_exception_ptr(Error(error)));
    }
  }

  std::vector<ValueInfo> infos(std::size_t count, GetInfo get) const {
    std::vector<ValueInfo> infos;
    for (std::size_t index = 0; index < count; ++index) {
      ortlet_value_info own{};
      detail::call(get, c_session(), index, &own);
      ValueInfo info;
      info.name = own.name;
      info.type = own.type_text;
      info.kind = static_cast<Kind>(own.kind);
      info.dtype = static_cast<DType>(own.dtype);
      if (own.shape != nullptr) {
        info.shape.emplace(own.shape, own.shape + own.rank);
        for (std::size_t dim = 0; dim < own.rank; ++dim) {
          info.symbols.emplace_back(own.symbols[dim] != nullptr ? own.symbols[dim] : "");
        }
      }
      infos.push_back(std::move(info));
    }
    return infos;
  }

  detail::Handle<ortlet_session, ortlet_session_free> handle_;
};

// What the values inside of a model are.
class Calibration {
 public:
  explicit Calibration(ortlet_calibration *calibration) noexcept : handle_(calibration) {}

  const ortlet_calibration *c_calibration() const noexcept { return handle_.get(); }

 private:
  detail::Handle<ortlet_calibration, ortlet_calibration_free> handle_;
};

inline Calibration calibrate(const Model &model, const Hooks &hooks, const std::string &options_json = {}) {
  detail::CHooks own(hooks);
  return own.run([&] {
    return detail::made<Calibration, ortlet_calibration>(ortlet_calibrate, model.c_model(),
                                                         detail::options(options_json), own.get());
  });
}

// A model that was made of another, and the report on it as JSON.
struct Made {
  Model model;
  std::string report;
};

// Quantizes a model by one mode, unmeasured.
inline Made quantize(const Model &model, const std::string &mode, const std::string &options_json = {},
                     const Calibration *calibration = nullptr) {
  ortlet_model *quantized = nullptr;
  ortlet_buffer *report = nullptr;
  detail::call(ortlet_quantize, model.c_model(), mode.c_str(),
               calibration != nullptr ? calibration->c_calibration() : nullptr, detail::options(options_json),
               &quantized, &report);
  return {Model(quantized), detail::text(detail::Buffer(report))};
}

// Finds the numbers that a model computes fastest with, within an accuracy.
inline Made choose_precision(const std::string &path, const std::string &options_json, const Hooks &hooks = {}) {
  detail::CHooks own(hooks);
  return own.run([&] {
    ortlet_model *chosen = nullptr;
    ortlet_buffer *report = nullptr;
    detail::call(ortlet_choose_precision, path.c_str(), detail::options(options_json), own.get(), &chosen, &report);
    return Made{Model(chosen), detail::text(detail::Buffer(report))};
  });
}

// Compiles a model for this device; gives the report as JSON.
inline std::string compile(const std::string &path, const std::string &artifact, const std::string &options_json = {},
                           const Hooks &hooks = {}) {
  detail::CHooks own(hooks);
  return own.run([&] {
    return detail::text_of(ortlet_compile, path.c_str(), artifact.c_str(), detail::options(options_json), own.get());
  });
}

// Finds out how a model runs fastest on this device; gives the plan as JSON.
inline std::string tune(const std::string &path, const Hooks &hooks, const std::string &options_json = {}) {
  detail::CHooks own(hooks);
  return own.run([&] {
    return detail::text_of(ortlet_tune, path.c_str(), detail::options(options_json), own.get());
  });
}

// Says where the time of a model's runs goes, as JSON.
inline std::string profile(const std::string &path, const Inputs &inputs, std::uint64_t run_count,
                           const std::string &options_json = {}) {
  const std::vector<ortlet_input> all = detail::c_inputs(inputs);
  return detail::text_of(ortlet_profile, path.c_str(), all.data(), all.size(), detail::options(options_json),
                         run_count);
}

// The metrics of sessions, by name, as OpenMetrics text.
inline std::string metrics_text(const std::vector<std::pair<std::string, const Session *>> &sessions) {
  std::vector<const ortlet_session *> handles;
  std::vector<const char *> names;
  for (const auto &[name, session] : sessions) {
    handles.push_back(session != nullptr ? session->c_session() : nullptr);
    names.push_back(name.c_str());
  }
  return detail::text_of(ortlet_metrics_text, handles.data(), names.data(), handles.size());
}

// ONNX Runtime and the machine.
inline void load_runtime(const std::string &options_json = {}) {
  detail::call(ortlet_runtime_load, detail::options(options_json));
}
inline void register_provider_library(const std::string &name, const std::string &path) {
  detail::call(ortlet_runtime_register_provider_library, name.c_str(), path.c_str());
}
inline std::string doctor(const std::string &options_json = {}) {
  return detail::text_of(ortlet_doctor, detail::options(options_json));
}

// The cache folder: `cache_json` is what the option `cache` of a session is.
inline std::string cache_entries(const std::string &cache_json = {}) {
  return detail::text_of(ortlet_cache_entries, detail::options(cache_json));
}
inline std::string clear_cache(const std::string &cache_json = {}) {
  return detail::text_of(ortlet_cache_clear, detail::options(cache_json));
}

inline std::string version() { return ortlet_version(); }

}  // namespace ortlet

#endif
