/*
 * Ortlet for C: runs ONNX models on the device, with latency you can plan on.
 *
 * Made by `cargo xtask codegen` of the comments and signatures in ffi/src; do not edit.
 *
 * OVERVIEW
 *
 *   ortlet_session *session = NULL;
 *   ortlet_outputs *outputs = NULL;
 *   ortlet_error *error = NULL;
 *   const size_t shape[] = {1, 3, 224, 224};
 *   ortlet_input input = {.name = "image", .tensor = {pixels, sizeof pixels, shape, 4, ORTLET_FLOAT32}};
 *   ortlet_tensor scores;
 *
 *   if (ortlet_session_load("model.onnx", NULL, &session, &error) != ORTLET_OK ||
 *       ortlet_session_run(session, &input, 1, NULL, &outputs, &error) != ORTLET_OK ||
 *       ortlet_outputs_tensor(outputs, "scores", &scores, &error) != ORTLET_OK) {
 *     fprintf(stderr, "%s\n", ortlet_error_message(error));
 *   }
 *   ortlet_error_free(error);
 *   ortlet_outputs_free(outputs);
 *   ortlet_session_free(session);
 *
 * A session runs a model. Many runs on fixed memory, without any allocation, are what a binding is for (ortlet_binder).
 * Loading finds ONNX Runtime 1.24 or newer: the library that the environment variable ORTLET_RUNTIME names, else one
 * beside libortlet or beside the program, a pip-installed one, or the system's. ortlet_doctor tells which.
 *
 * OWNERSHIP
 *
 * A function that hands out a handle (`ortlet_x **`) makes its caller the owner, who frees it by `ortlet_x_free`, once.
 * Only `_free` functions take anything away; all of them do nothing with NULL. What a function hands out behind a
 * `const` pointer, or in a struct, belongs to the handle that it was asked of, and lasts as long as that. What a caller
 * hands in stays the caller's, and is not needed after the call unless the function says so.
 *
 * ERRORS
 *
 * Functions that can fail return an ortlet_status: ORTLET_OK (0), or why not. Their last argument may be NULL; else it
 * gets an error with a message and facts as JSON, which the caller frees, and NULL when all went well. Handles that a
 * function hands out are NULL when it fails; other outputs are written only if it succeeds. NULL where something has to
 * be is ORTLET_INVALID_ARGUMENT, and the message names the argument. No exception and no panic leaves a function.
 *
 * THREADS
 *
 * A `const` handle may be used by any number of threads at once; any other pointer by one at a time. There is nothing
 * that belongs to a thread, so handles may move between threads. A process that was forked after ONNX Runtime was
 * loaded gets ORTLET_UNSUPPORTED; it may free its handles.
 *
 * TEXT, PATHS AND OPTIONS
 *
 * Texts end with a zero byte and are UTF-8; paths are what the system takes. Options are JSON objects as text; NULL means
 * the defaults, and a key that does not exist is an error that names it.
 *
 * SESSION OPTIONS
 *
 *   threads              "auto" (the process's pool) or a number
 *   use_plan             follow what ortlet_tune found, true by default
 *   profile              "latency" (default), "battery" or "throughput"
 *   providers            execution providers in order, for example ["xnnpack", "cpu"]
 *   dims                 sizes for symbolic dimensions, for example {"batch": 1}
 *   optimization_level   "none", "basic", "extended", "layout" or "all"
 *   config               ONNX Runtime's own session configuration entries
 *   external_data_folder where the external data of a model in memory is
 *   cache                false, true (the platform's folder) or a path: compiled models are kept there
 *   cache_limit_bytes    the most that the folder may hold
 *   verify               check all the data of an artifact
 *   concurrency_limit    the most runs at once; further ones wait for concurrency_wait_ms
 *   concurrency_wait_ms  1000 by default
 *   warm_up_runs         runs on zeros while the session is created
 *   exact                true by default; false lets results differ by rounding: "original" then means "fp32"
 *   precision            "original", "auto"; "fp32", "fp16", "bf16" or "int8" in Ortlet's own kernels; "int8-dynamic",
 *                        "int8-static", "weights-8", "weights-4" or "float16" by ONNX Runtime's
 *   samples              folder of .npz files with real inputs, for precisions that need them
 *   accuracy             how far results may be off with "auto": {"min_cosine", "mean_cosine", "max_absolute_error",
 *                        "top1_agreement"}
 *   runtime              {"path": the ONNX Runtime library or its folder, "folders": further places}
 */


#ifndef ORTLET_ORTLET_H
#define ORTLET_ORTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


// All went well.
#define ORTLET_OK 0

// An argument or option has a value that can never work.
#define ORTLET_INVALID_ARGUMENT 1

// The bytes are not a well-formed model.
#define ORTLET_INVALID_MODEL 2

// Well-formed, but beyond what this build, runtime or device can do.
#define ORTLET_UNSUPPORTED 3

// A tensor's type, rank or shape is not what is expected of it.
#define ORTLET_TENSOR_MISMATCH 4

// A name or a path that does not exist.
#define ORTLET_NOT_FOUND 5

// The operating system refused to read or write.
#define ORTLET_IO 6

// No ONNX Runtime library was found. The error's details list every place that was searched.
#define ORTLET_RUNTIME_NOT_FOUND 7

// The ONNX Runtime library that was found cannot be used.
#define ORTLET_RUNTIME_INCOMPATIBLE 8

// ONNX Runtime reported a failure.
#define ORTLET_RUNTIME_FAILED 9

// The run did not finish within its deadline.
#define ORTLET_DEADLINE_EXCEEDED 10

// The caller cancelled the operation.
#define ORTLET_CANCELLED 11

// The bound on simultaneous runs is reached and the wait for a place was too long.
#define ORTLET_POOL_EXHAUSTED 12

// Stored bytes are damaged or not what they claim to be.
#define ORTLET_INTEGRITY 13

// No candidate stays within the accuracy that the caller asked for.
#define ORTLET_ACCURACY_BUDGET 14

// A bound that protects the process would be passed.
#define ORTLET_LIMIT_EXCEEDED 15

// A bug in Ortlet; please report it.
#define ORTLET_INTERNAL 16

// The version of this interface. It changes when a program that was compiled with an older header would misbehave.
#define ORTLET_ABI_VERSION 1

// 32-bit float.
#define ORTLET_FLOAT32 1

// Unsigned 8-bit integer.
#define ORTLET_UINT8 2

// Signed 8-bit integer.
#define ORTLET_INT8 3

// Unsigned 16-bit integer.
#define ORTLET_UINT16 4

// Signed 16-bit integer.
#define ORTLET_INT16 5

// Signed 32-bit integer.
#define ORTLET_INT32 6

// Signed 64-bit integer.
#define ORTLET_INT64 7

// Texts in UTF-8; see `ortlet_value_new_strings` and `ortlet_value_string`.
#define ORTLET_STRING 8

// A byte that is 0 or 1.
#define ORTLET_BOOL 9

// 16-bit IEEE float.
#define ORTLET_FLOAT16 10

// 64-bit float.
#define ORTLET_FLOAT64 11

// Unsigned 32-bit integer.
#define ORTLET_UINT32 12

// Unsigned 64-bit integer.
#define ORTLET_UINT64 13

// Two 32-bit floats.
#define ORTLET_COMPLEX64 14

// Two 64-bit floats.
#define ORTLET_COMPLEX128 15

// 16-bit float with the exponent of a 32-bit one.
#define ORTLET_BFLOAT16 16

// 8-bit float: 4 bits of exponent, no infinity.
#define ORTLET_FLOAT8_E4M3FN 17

// The same without a negative zero.
#define ORTLET_FLOAT8_E4M3FNUZ 18

// 8-bit float: 5 bits of exponent.
#define ORTLET_FLOAT8_E5M2 19

// The same without infinity and negative zero.
#define ORTLET_FLOAT8_E5M2FNUZ 20

// Unsigned 4-bit integers, two in a byte, the first in the lower half.
#define ORTLET_UINT4 21

// Signed 4-bit integers, packed likewise.
#define ORTLET_INT4 22

// 4-bit floats, packed likewise.
#define ORTLET_FLOAT4_E2M1FN 23

// 8-bit exponents.
#define ORTLET_FLOAT8_E8M0FNU 24

// Unsigned 2-bit integers, four in a byte.
#define ORTLET_UINT2 25

// Signed 2-bit integers, packed likewise.
#define ORTLET_INT2 26

// A tensor, texts included.
#define ORTLET_KIND_TENSOR 1

// Values of one type, in order.
#define ORTLET_KIND_SEQUENCE 2

// Keys with a value each.
#define ORTLET_KIND_MAP 3

// A value, or nothing. An output that holds something may come as that value itself.
#define ORTLET_KIND_OPTIONAL 4

// Says what a binding is to be: shapes of inputs and outputs, memory of the caller's, outputs that are the next run's
// inputs. Owned by whoever made it; freed by `ortlet_binder_free`.
typedef struct ortlet_binder ortlet_binder;

// A session's inputs and outputs in fixed memory: fill an input, run, read an output. A run allocates nothing in
// Ortlet. Owned by whoever got it; freed by `ortlet_binding_free`. It keeps what it needs of the session. One thread
// may use it at a time; several bindings of a session can run at once.
typedef struct ortlet_binding ortlet_binding;

// Text or bytes that Ortlet made: JSON, metrics, a model's file. Owned by whoever got it; freed by
// `ortlet_buffer_free`.
typedef struct ortlet_buffer ortlet_buffer;

// What the values inside of a model are. Owned by whoever made it; freed by `ortlet_calibration_free`.
typedef struct ortlet_calibration ortlet_calibration;

// Cancels the work that it was given to, at once or later, from any thread. Owned by whoever made it; freed by
// `ortlet_cancel_token_free`, also while work has it: the work keeps what it needs.
typedef struct ortlet_cancel_token ortlet_cancel_token;

// What went wrong, and where. Owned by whoever got it; freed by `ortlet_error_free`.
typedef struct ortlet_error ortlet_error;

// A model as data. Needs no ONNX Runtime. Owned by whoever made it; freed by `ortlet_model_free`. Nothing changes it.
typedef struct ortlet_model ortlet_model;

// The outputs of a run, in the order asked for (the model's order by default). Owned by whoever got it; freed by
// `ortlet_outputs_free`. They outlast the session.
typedef struct ortlet_outputs ortlet_outputs;

// Batches of real inputs, to calibrate, tune and choose a precision with. Owned by whoever made them; freed by
// `ortlet_samples_free`.
typedef struct ortlet_samples ortlet_samples;

// A model that is ready to run. Owned by whoever loaded it; freed by `ortlet_session_free`. Any number of threads may
// run it at once. Outputs, binders, bindings and runs under way go on when it is freed.
typedef struct ortlet_session ortlet_session;

// A value that can be an input or is an output: a tensor, a sequence, a map, or a value that may be nothing. What
// `_new_` functions make is owned by whoever made it and freed by `ortlet_value_free`; what is behind a `const` pointer
// belongs to the handle that it came from.
typedef struct ortlet_value ortlet_value;

// What a function returns: `ORTLET_OK`, or one of the other numbers below. A number is never reused.
typedef uint32_t ortlet_status;

// The type of a tensor's elements: one of the numbers below, which are those of ONNX.
typedef uint32_t ortlet_dtype;

// A tensor in memory of the caller's or of a handle's. Ortlet never frees `data` or `shape`.
typedef struct {
  // The elements in row-major order. Any alignment will do, but what is misaligned for its type is copied.
  const void *data;
  // Their size; has to be what type and shape need.
  size_t size_bytes;
  // The dimensions, outermost first; may be `NULL` for a scalar.
  const size_t *shape;
  // How many dimensions there are.
  size_t rank;
  // The type of the elements.
  ortlet_dtype dtype;
} ortlet_tensor;

// What a value is: one of the numbers below.
typedef uint32_t ortlet_kind;

// A value and its name, both lent by what they came from.
typedef struct {
  // The name.
  const char *name;
  // The value.
  const ortlet_value *value;
} ortlet_named_value;

// An input of a run. The run copies nothing, but what is misaligned; memory and value have to last until the call
// returns.
typedef struct {
  // The input's name.
  const char *name;
  // The value; or `NULL` to take `tensor`.
  const ortlet_value *value;
  // The tensor in memory of the caller's, if `value` is `NULL`.
  ortlet_tensor tensor;
} ortlet_input;

// Is told how long work goes: `progress_json` is a JSON object, which belongs to Ortlet and is gone after the call. It is
// called on the thread that does the work, and takes time from it; it must not throw or jump out.
typedef void (*ortlet_progress_callback)(void *user_data, const char *progress_json);

// Judges a candidate's outputs for one sample against the reference's: larger is better, NaN is a failure. There are
// `output_count` of each, in the model's order; they belong to Ortlet and are gone after the call. It must not throw or
// jump out, and may be called on several threads, by turns.
typedef double (*ortlet_measure_callback)(void *user_data,
                                          const ortlet_named_value *reference,
                                          const ortlet_named_value *candidate,
                                          size_t output_count);

// What options in JSON cannot hold. All zero means: nothing. What it leads to has to last until the call returns.
typedef struct {
  // Batches of real inputs, instead of the folder that the options name; `NULL` for those of the options.
  const ortlet_samples *samples;
  // What ends the work with `ORTLET_CANCELLED`; `NULL` for nothing.
  const ortlet_cancel_token *cancel;
  // Is told how the work goes; `NULL` for nobody.
  ortlet_progress_callback progress;
  // Judges outputs beside the other figures of the accuracy; `NULL` for nobody.
  ortlet_measure_callback measure;
  // The least that the mean of `measure` over the samples may be.
  double measure_at_least;
  // What `progress` and `measure` get.
  void *user_data;
} ortlet_hooks;

// A declared input or output. Everything in it belongs to the session.
typedef struct {
  // Its name.
  const char *name;
  // Its type in words, for example `float32[batch, 3, 224, 224]`.
  const char *type_text;
  // The dimensions, outermost first: -1 where any size will do; `NULL` if the number of dimensions is not declared,
  // or it is no tensor.
  const int64_t *shape;
  // The names of the dimensions, for example `batch`; `NULL` for those without a name.
  const char *const *symbols;
  // How many dimensions there are.
  size_t rank;
  // What it is; 0 if Ortlet cannot run it.
  ortlet_kind kind;
  // The type of the elements; 0 if it is no tensor.
  ortlet_dtype dtype;
} ortlet_value_info;

// How one run differs from the others. All zero means: not at all.
typedef struct {
  // The time from the call on that the run may take, waiting included, in nanoseconds; `NULL` for any. 0 is none.
  const uint64_t *deadline_ns;
  // What ends the run with `ORTLET_CANCELLED`; `NULL` for nothing.
  const ortlet_cancel_token *cancel;
  // Names of the outputs to give, in the order wanted; `NULL` for all. Has to be `NULL` for a binding.
  const char *const *outputs;
  // How many names there are.
  size_t output_count;
} ortlet_run_options;

// Is told that a run is over: with its outputs, or with an error. One of the two is not `NULL`, and the function owns
// it. It is called once, on a thread of Ortlet's, which it should leave soon; it must not throw or jump out.
typedef void (*ortlet_run_callback)(void *user_data, ortlet_outputs *outputs, ortlet_error *error);

// A tensor whose elements may be changed.
typedef struct {
  // The elements in row-major order.
  void *data;
  // Their size; has to be what type and shape need.
  size_t size_bytes;
  // The dimensions, outermost first; may be `NULL` for a scalar.
  const size_t *shape;
  // How many dimensions there are.
  size_t rank;
  // The type of the elements.
  ortlet_dtype dtype;
} ortlet_tensor_mut;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The `ORTLET_ABI_VERSION` that the library was built with; the header's should be the same.
//
// Threads: any.
uint32_t ortlet_abi_version(void);

// The version of Ortlet, for example `0.1.0`. Static text, never `NULL`.
//
// Threads: any.
const char *ortlet_version(void);

// The bytes; a zero byte is behind them, so that text can be used as such. Belongs to the buffer; `NULL` for `NULL`.
//
// Threads: any.
const char *ortlet_buffer_data(const ortlet_buffer *buffer);

// How many bytes there are, the zero byte behind them not counted; 0 for `NULL`.
//
// Threads: any.
size_t ortlet_buffer_size_bytes(const ortlet_buffer *buffer);

// Frees a buffer. Does nothing with `NULL`.
//
// Threads: any, once.
void ortlet_buffer_free(ortlet_buffer *buffer);

// The number of the error, the same as the function returned; `ORTLET_OK` for `NULL`.
//
// Threads: any.
ortlet_status ortlet_error_code(const ortlet_error *error);

// What went wrong and where, in a sentence. Belongs to the error; an empty text for `NULL`.
//
// Threads: any.
const char *ortlet_error_message(const ortlet_error *error);

// The facts as a JSON object: `code` is the error's name in lower case (`tensor_mismatch`), `message` the message, the
// other keys are what a program may react to, for example `tensor`, `expected` and `actual`. Belongs to the error; `{}`
// for `NULL`.
//
// Threads: any.
const char *ortlet_error_details(const ortlet_error *error);

// Frees an error. Does nothing with `NULL`.
//
// Threads: any, once.
void ortlet_error_free(ortlet_error *error);

// Loads ONNX Runtime for the process, if nothing has done so yet: the first use decides. Loading a session does it too;
// this is for programs that want to choose the moment or the library. `options` is a JSON object or `NULL`: `path` is
// the library or its folder, `folders` are further places to search.
//
// Errors: `ORTLET_RUNTIME_NOT_FOUND` with every place searched, `ORTLET_RUNTIME_INCOMPATIBLE`,
// `ORTLET_INVALID_ARGUMENT` if another library than the one asked for is already loaded. Threads: any.
ortlet_status ortlet_runtime_load(const char *options_json,
                                  ortlet_error **error);

// Adds the execution providers of a plug-in library, under a name of the caller's choice.
//
// Errors: `ORTLET_NOT_FOUND` if there is no such file, `ORTLET_RUNTIME_FAILED` if it is no plug-in or the name is taken,
// those of `ortlet_runtime_load`. Threads: any.
ortlet_status ortlet_runtime_register_provider_library(const char *name,
                                                       const char *library_path,
                                                       ortlet_error **error);

// Which ONNX Runtime there is, which CPU, and what is missing, as JSON. A missing library is no error here, but told in
// the report. `options` are those of `ortlet_runtime_load`.
//
// Errors: `ORTLET_INVALID_ARGUMENT`. Threads: any.
ortlet_status ortlet_doctor(const char *options_json,
                            ortlet_buffer **report_json,
                            ortlet_error **error);

// Makes a tensor that is a copy of one in memory.
//
// Errors: `ORTLET_TENSOR_MISMATCH` if the size is not what type and shape need. Threads: any.
ortlet_status ortlet_value_new_tensor(const ortlet_tensor *tensor,
                                      ortlet_value **value,
                                      ortlet_error **error);

// Makes a tensor of texts in UTF-8, in row-major order; they are copied. There are as many as the product of the
// dimensions, which `string_count` has to be.
//
// Errors: `ORTLET_TENSOR_MISMATCH` if it is not, `ORTLET_INVALID_ARGUMENT` for a text that is `NULL` or not UTF-8.
// Threads: any.
ortlet_status ortlet_value_new_strings(const char *const *strings,
                                       size_t string_count,
                                       const size_t *dims,
                                       size_t rank,
                                       ortlet_value **value,
                                       ortlet_error **error);

// Makes a sequence of copies of values.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
ortlet_status ortlet_value_new_sequence(const ortlet_value *const *elements,
                                        size_t element_count,
                                        ortlet_value **value,
                                        ortlet_error **error);

// Makes a map of copies of two tensors of one dimension and the same length: keys (`ORTLET_INT64` or `ORTLET_STRING`)
// and values.
//
// Errors: `ORTLET_TENSOR_MISMATCH` if they are not. Threads: any.
ortlet_status ortlet_value_new_map(const ortlet_value *keys,
                                   const ortlet_value *values,
                                   ortlet_value **value,
                                   ortlet_error **error);

// Makes a value that may be nothing: a copy of `element`, or nothing if that is `NULL`.
//
// Errors: none but for a `value` that is `NULL`. Threads: any.
ortlet_status ortlet_value_new_optional(const ortlet_value *element,
                                        ortlet_value **value,
                                        ortlet_error **error);

// What the value is; 0 for `NULL`.
//
// Threads: any.
ortlet_kind ortlet_value_kind(const ortlet_value *value);

// Where the tensor is: the value itself, or what it holds if it may be nothing. `data` and `shape` belong to the value.
// Of texts there is no `data`; see `ortlet_value_string`.
//
// Errors: `ORTLET_TENSOR_MISMATCH` if the value is no tensor. Threads: any.
ortlet_status ortlet_value_tensor(const ortlet_value *value,
                                  ortlet_tensor *tensor,
                                  ortlet_error **error);

// A text of a tensor of texts, by its place in row-major order: `size_bytes` bytes of UTF-8 without a zero byte behind
// them. They belong to the value.
//
// Errors: `ORTLET_TENSOR_MISMATCH` if the value is no tensor of texts, `ORTLET_NOT_FOUND` if there are not that many.
// Threads: any.
ortlet_status ortlet_value_string(const ortlet_value *value,
                                  size_t index,
                                  const char **data,
                                  size_t *size_bytes,
                                  ortlet_error **error);

// How many values a sequence has, or 1 or 0 for a value that may be nothing; 0 for everything else and `NULL`.
//
// Threads: any.
size_t ortlet_value_element_count(const ortlet_value *value);

// A value of a sequence, or the one that a value which may be nothing holds. It belongs to `value`.
//
// Errors: `ORTLET_NOT_FOUND` if there are not that many, `ORTLET_TENSOR_MISMATCH` for tensors and maps. Threads: any.
ortlet_status ortlet_value_element(const ortlet_value *value,
                                   size_t index,
                                   const ortlet_value **element,
                                   ortlet_error **error);

// The keys of a map, as a tensor of its own that the caller has to free.
//
// Errors: `ORTLET_TENSOR_MISMATCH` if the value is no map. Threads: any.
ortlet_status ortlet_value_map_keys(const ortlet_value *value, ortlet_value **keys, ortlet_error **error);

// The values of a map in the order of its keys, as a tensor of its own that the caller has to free.
//
// Errors: `ORTLET_TENSOR_MISMATCH` if the value is no map. Threads: any.
ortlet_status ortlet_value_map_values(const ortlet_value *value, ortlet_value **values, ortlet_error **error);

// Frees a value that the caller owns. Does nothing with `NULL`.
//
// Threads: any, once.
void ortlet_value_free(ortlet_value *value);

// How many outputs there are; 0 for `NULL`.
//
// Threads: any.
size_t ortlet_outputs_count(const ortlet_outputs *outputs);

// The output of this number, from 0. Name and value belong to `outputs`.
//
// Errors: `ORTLET_NOT_FOUND` if there are not that many. Threads: any.
ortlet_status ortlet_outputs_at(const ortlet_outputs *outputs,
                                size_t index,
                                ortlet_named_value *output,
                                ortlet_error **error);

// The output of this name. The value belongs to `outputs`.
//
// Errors: `ORTLET_NOT_FOUND` if there is none of that name. Threads: any.
ortlet_status ortlet_outputs_get(const ortlet_outputs *outputs,
                                 const char *name,
                                 const ortlet_value **value,
                                 ortlet_error **error);

// Where the tensor of the output of this name is. `data` and `shape` belong to `outputs`.
//
// Errors: `ORTLET_NOT_FOUND` if there is none of that name, `ORTLET_TENSOR_MISMATCH` if it is no tensor. Threads: any.
ortlet_status ortlet_outputs_tensor(const ortlet_outputs *outputs,
                                    const char *name,
                                    ortlet_tensor *tensor,
                                    ortlet_error **error);

// Frees outputs. Does nothing with `NULL`.
//
// Threads: any, once.
void ortlet_outputs_free(ortlet_outputs *outputs);

// Makes a token that is not cancelled.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
ortlet_status ortlet_cancel_token_new(ortlet_cancel_token **token, ortlet_error **error);

// Cancels everything that has the token, and what gets it later. A run ends before its next operator; this does not
// wait for it. The token stays cancelled.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any, also while work has the token.
ortlet_status ortlet_cancel_token_cancel(const ortlet_cancel_token *token,
                                         ortlet_error **error);

// Whether the token is cancelled; false for `NULL`.
//
// Threads: any.
bool ortlet_cancel_token_is_cancelled(const ortlet_cancel_token *token);

// Frees a token, cancelled or not. Does nothing with `NULL`.
//
// Threads: any, once.
void ortlet_cancel_token_free(ortlet_cancel_token *token);

// Makes samples without a batch.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
ortlet_status ortlet_samples_new(ortlet_samples **samples, ortlet_error **error);

// Adds a batch: a value for every input of the model. Everything is copied.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`, `ORTLET_TENSOR_MISMATCH` for memory that makes no tensor; whether the
// batch fits the model is checked when it is used. Threads: one at a time.
ortlet_status ortlet_samples_add(ortlet_samples *samples,
                                 const ortlet_input *batch,
                                 size_t input_count,
                                 ortlet_error **error);

// How many batches there are; 0 for `NULL`.
//
// Threads: any, while nobody adds one.
size_t ortlet_samples_count(const ortlet_samples *samples);

// Frees samples. Does nothing with `NULL`.
//
// Threads: any, once.
void ortlet_samples_free(ortlet_samples *samples);

// Loads a model file (ONNX, ORT format, or an artifact that `ortlet_compile` made).
//
// `options` is a JSON object or `NULL`: see SESSION OPTIONS above. An unknown key is an error that names it. With a
// `precision` that has to be measured, this takes long; `ortlet_session_load_with` tells how it goes.
//
// Errors: those of the file, the model, the options and ONNX Runtime. Threads: any.
ortlet_status ortlet_session_load(const char *model_path,
                                  const char *options_json,
                                  ortlet_session **session,
                                  ortlet_error **error);

// As `ortlet_session_load`, with a say in how a precision is chosen. `options` is a JSON object or `NULL`: `session`
// holds the session's options, `time_limit_ms` and `seed` are for the choice. `hooks` may be `NULL`; samples and a
// measure that they have take the place of the options'.
//
// Errors: as `ortlet_session_load`; `ORTLET_CANCELLED`. Threads: any.
ortlet_status ortlet_session_load_with(const char *model_path,
                                       const char *options_json,
                                       const ortlet_hooks *hooks,
                                       ortlet_session **session,
                                       ortlet_error **error);

// A session of a model in memory, in ONNX or ORT format. The bytes are not needed afterwards. External data is read
// from `external_data_folder` of the options. There is no cache for these.
//
// Errors: as `ortlet_session_load`. Threads: any.
ortlet_status ortlet_session_from_bytes(const uint8_t *data,
                                        size_t size_bytes,
                                        const char *options_json,
                                        ortlet_session **session,
                                        ortlet_error **error);

// A session of a model that was opened or made by Ortlet. `options` and `hooks` are those of
// `ortlet_session_load_with`. The model is not needed afterwards.
//
// Errors: as `ortlet_session_load_with`. Threads: any.
ortlet_status ortlet_session_from_model(const ortlet_model *model,
                                        const char *options_json,
                                        const ortlet_hooks *hooks,
                                        ortlet_session **session,
                                        ortlet_error **error);

// How many inputs a run needs; 0 for `NULL`.
//
// Threads: any.
size_t ortlet_session_input_count(const ortlet_session *session);

// How many outputs there are; 0 for `NULL`.
//
// Threads: any.
size_t ortlet_session_output_count(const ortlet_session *session);

// How many initializers a run may replace by giving an input of that name; 0 for `NULL`.
//
// Threads: any.
size_t ortlet_session_overridable_initializer_count(const ortlet_session *session);

// The input of this number, from 0. What `info` gets belongs to the session.
//
// Errors: `ORTLET_NOT_FOUND` if there are not that many. Threads: any.
ortlet_status ortlet_session_input(const ortlet_session *session,
                                   size_t index,
                                   ortlet_value_info *info,
                                   ortlet_error **error);

// The output of this number, from 0. What `info` gets belongs to the session.
//
// Errors: `ORTLET_NOT_FOUND` if there are not that many. Threads: any.
ortlet_status ortlet_session_output(const ortlet_session *session,
                                    size_t index,
                                    ortlet_value_info *info,
                                    ortlet_error **error);

// The initializer of this number, from 0. What `info` gets belongs to the session.
//
// Errors: `ORTLET_NOT_FOUND` if there are not that many. Threads: any.
ortlet_status ortlet_session_overridable_initializer(const ortlet_session *session,
                                                     size_t index,
                                                     ortlet_value_info *info,
                                                     ortlet_error **error);

// How the session came to be, as JSON: where it came from, where the time went, what memory it takes, the plan it
// follows, what became of the precision.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
ortlet_status ortlet_session_report(const ortlet_session *session,
                                    ortlet_buffer **report_json,
                                    ortlet_error **error);

// Frees a session. What came from it stays valid: outputs, binders, bindings. Runs under way on other threads end as if
// nothing happened. Does nothing with `NULL`.
//
// Threads: any, once, and not while another thread is about to call a function with it.
void ortlet_session_free(ortlet_session *session);

// Runs the model on inputs and gives its outputs. Inputs are not copied, but what is misaligned. `options` may be
// `NULL`.
//
// Errors: `ORTLET_NOT_FOUND` for a name that is no input or output, `ORTLET_TENSOR_MISMATCH` for an input that is
// missing or has another type or shape than declared, `ORTLET_INVALID_ARGUMENT` for an input given twice,
// `ORTLET_RUNTIME_FAILED`, `ORTLET_POOL_EXHAUSTED`, `ORTLET_DEADLINE_EXCEEDED`, `ORTLET_CANCELLED`. Threads: any number
// at once.
ortlet_status ortlet_session_run(const ortlet_session *session,
                                 const ortlet_input *run_inputs,
                                 size_t input_count,
                                 const ortlet_run_options *options,
                                 ortlet_outputs **outputs,
                                 ortlet_error **error);

// Runs the model on another thread and tells `callback` when it is over. Inputs are copied and not needed after the
// call; `options` neither, but a deadline counts from the call on. The process runs as many of these at once as suits
// its cores; others wait.
//
// `callback` is called exactly once if the function returns `ORTLET_OK`, and never otherwise. What is wrong with the
// inputs' names, types and shapes is told by it too.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL` and for memory that makes no tensor. Threads: any number at once.
ortlet_status ortlet_session_run_async(const ortlet_session *session,
                                       const ortlet_input *run_inputs,
                                       size_t input_count,
                                       const ortlet_run_options *options,
                                       ortlet_run_callback callback,
                                       void *user_data,
                                       ortlet_error **error);

// Begins a binding of a session. The session may be freed before the binder is used.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
ortlet_status ortlet_binder_new(const ortlet_session *session, ortlet_binder **binder, ortlet_error **error);

// The shape of an input or output. An input needs one unless the model fixes it. An output whose shape is not known
// beforehand gets new memory in each run.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`; names and shapes are checked by `ortlet_binder_bind`. Threads: one at a
// time.
ortlet_status ortlet_binder_shape(ortlet_binder *binder,
                                  const char *name,
                                  const size_t *dims,
                                  size_t rank,
                                  ortlet_error **error);

// Memory of the caller's for an input or output, which runs then read or write in place. It has to last, at its place,
// as long as every binding made by this binder, and nothing else may use it during a run; its shape is copied.
//
// Errors: `ORTLET_TENSOR_MISMATCH` if the size is not what type and shape need; names are checked by
// `ortlet_binder_bind`. Threads: one at a time.
ortlet_status ortlet_binder_memory(ortlet_binder *binder,
                                   const char *name,
                                   const ortlet_tensor_mut *memory,
                                   ortlet_error **error);

// Makes each run's output the next run's input, without a copy. The input is zeros before the first run.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`; names are checked by `ortlet_binder_bind`. Threads: one at a time.
ortlet_status ortlet_binder_tie(ortlet_binder *binder,
                                const char *output,
                                const char *input,
                                ortlet_error **error);

// Prepares the memory. The binder can be used again, and has to be freed all the same.
//
// Errors: `ORTLET_NOT_FOUND` for names that the model does not have, `ORTLET_INVALID_ARGUMENT` for an input without a
// shape, a name given twice and misaligned memory, `ORTLET_TENSOR_MISMATCH` for types and shapes that are not as
// declared, `ORTLET_UNSUPPORTED` for texts, sequences and maps, `ORTLET_LIMIT_EXCEEDED` if there is not enough memory.
// Threads: one at a time.
ortlet_status ortlet_binder_bind(const ortlet_binder *binder,
                                 ortlet_binding **binding,
                                 ortlet_error **error);

// Frees a binder. Its bindings go on. Does nothing with `NULL`.
//
// Threads: any, once.
void ortlet_binder_free(ortlet_binder *binder);

// Runs the model on what is in the inputs. `options` may be `NULL`; they cannot choose outputs.
//
// Errors: `ORTLET_RUNTIME_FAILED`, `ORTLET_POOL_EXHAUSTED`, `ORTLET_DEADLINE_EXCEEDED`, `ORTLET_CANCELLED`, and
// `ORTLET_INVALID_ARGUMENT` for a binding that another thread is using. After an error the outputs hold anything, and
// the inputs are as they were. Threads: one at a time.
ortlet_status ortlet_binding_run(ortlet_binding *binding,
                                 const ortlet_run_options *options,
                                 ortlet_error **error);

// Where an input's memory is, to be filled before a run. It stays there as long as the binding, unless the input is tied
// to an output: then this is what the next run reads, and has to be asked for again after each run.
//
// Errors: `ORTLET_NOT_FOUND` if no input of this name is bound. Threads: one at a time.
ortlet_status ortlet_binding_input(ortlet_binding *binding,
                                   const char *name,
                                   ortlet_tensor_mut *tensor,
                                   ortlet_error **error);

// Where an output of the last run is. An output whose shape was known when it was bound, and which is not tied, stays
// there as long as the binding; any other has to be asked for again after each run, and is there until the next.
//
// Errors: `ORTLET_NOT_FOUND` if there is no output of this name, `ORTLET_INVALID_ARGUMENT` before the first run.
// Threads: one at a time.
ortlet_status ortlet_binding_output(ortlet_binding *binding,
                                    const char *name,
                                    ortlet_tensor *tensor,
                                    ortlet_error **error);

// Frees a binding and its memory. Does nothing with `NULL`.
//
// Threads: any, once, and not during a run.
void ortlet_binding_free(ortlet_binding *binding);

// Counts and latencies of the session's runs since it was loaded, as JSON: `compute` and `queue` are the
// percentiles of the times that runs computed and waited, null if there were none; `metrics` holds counts and histograms.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any, also during runs.
ortlet_status ortlet_session_metrics(const ortlet_session *session,
                                     ortlet_buffer **metrics_json,
                                     ortlet_error **error);

// The metrics of sessions as OpenMetrics text (content type `application/openmetrics-text; version=1.0.0;
// charset=utf-8`). `names` are the values of the label `session`, one for each.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL` and for two sessions of one name. Threads: any, also during runs.
ortlet_status ortlet_metrics_text(const ortlet_session *const *sessions,
                                  const char *const *names,
                                  size_t session_count,
                                  ortlet_buffer **metrics_text,
                                  ortlet_error **error);

// Runs a model with ONNX Runtime's profiling on and says where the time goes, as JSON: by operator and by node. `options`
// are those of `ortlet_session_load`. Compare the figures with each other, not with the latency of an ordinary run.
//
// Errors: those of loading and running the model; `ORTLET_INVALID_ARGUMENT` for a `run_count` of 0 or too many.
// Threads: any.
ortlet_status ortlet_profile(const char *model_path,
                             const ortlet_input *run_inputs,
                             size_t input_count,
                             const char *options_json,
                             uint64_t run_count,
                             ortlet_buffer **profile_json,
                             ortlet_error **error);

// Opens a model file in ONNX format. External data stays where it is.
//
// Errors: `ORTLET_NOT_FOUND`, `ORTLET_IO`, `ORTLET_INVALID_MODEL`, `ORTLET_LIMIT_EXCEEDED`. Threads: any.
ortlet_status ortlet_model_open(const char *model_path, ortlet_model **model, ortlet_error **error);

// Reads a model in ONNX format from memory; it is copied.
//
// Errors: `ORTLET_INVALID_MODEL`, `ORTLET_LIMIT_EXCEEDED`. Threads: any.
ortlet_status ortlet_model_parse(const uint8_t *data,
                                 size_t size_bytes,
                                 ortlet_model **model,
                                 ortlet_error **error);

// What is inside of the model, as JSON: inputs, outputs, operators, sizes, quantization.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
ortlet_status ortlet_model_report(const ortlet_model *model,
                                  ortlet_buffer **report_json,
                                  ortlet_error **error);

// The model as the bytes of an ONNX file.
//
// Errors: `ORTLET_LIMIT_EXCEEDED` for more than 2 GiB. Threads: any.
ortlet_status ortlet_model_to_bytes(const ortlet_model *model, ortlet_buffer **bytes, ortlet_error **error);

// Writes the model to an ONNX file, which appears whole or not at all.
//
// Errors: `ORTLET_IO`, `ORTLET_LIMIT_EXCEEDED`. Threads: any.
ortlet_status ortlet_model_save(const ortlet_model *model, const char *model_path, ortlet_error **error);

// Frees a model. Does nothing with `NULL`.
//
// Threads: any, once.
void ortlet_model_free(ortlet_model *model);

// Runs a model on batches of real inputs and finds out what the values inside of it are. `options` is a JSON object or
// `NULL`. The samples are those of `hooks`, or of the folder that `session.samples` of the options names. The same
// samples give the same calibration.
//
// Errors: `ORTLET_INVALID_ARGUMENT` if there are no samples, or NaN in them; `ORTLET_TENSOR_MISMATCH` and
// `ORTLET_NOT_FOUND` for batches that do not fit the model; `ORTLET_CANCELLED`; those of a session. Threads: any.
ortlet_status ortlet_calibrate(const ortlet_model *model,
                               const char *options_json,
                               const ortlet_hooks *hooks,
                               ortlet_calibration **calibration,
                               ortlet_error **error);

// Frees a calibration. Does nothing with `NULL`.
//
// Threads: any, once.
void ortlet_calibration_free(ortlet_calibration *calibration);

// Quantizes a model by one mode, unmeasured: `int8-dynamic` (or `int8`), `int8-static`, `weights-8`, `weights-4` or
// `float16`.
// `calibration` is needed for `int8-static`, makes `int8-dynamic` more accurate, and may be `NULL` otherwise. `options`
// is a JSON object or `NULL`. `report_json`, unless `NULL`, gets what was done to each layer, or why nothing was.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for an unknown mode and options, `ORTLET_NOT_FOUND` for nodes that the options name,
// `ORTLET_UNSUPPORTED`, `ORTLET_INVALID_MODEL`, those of external data. Threads: any.
ortlet_status ortlet_quantize(const ortlet_model *model,
                              const char *mode,
                              const ortlet_calibration *calibration,
                              const char *options_json,
                              ortlet_model **quantized,
                              ortlet_buffer **report_json,
                              ortlet_error **error);

// Finds the numbers that a model computes fastest with, on this device and within an accuracy, and gives the model that
// was chosen: the original if nothing pays. `options` is a JSON object or `NULL`: `session` holds the session's options
// (`precision`, `samples` and `accuracy` among them), `time_limit_ms` and `seed` are for the choice. `report_json`,
// unless `NULL`, gets what was tried and why it was chosen.
//
// Errors: `ORTLET_INVALID_ARGUMENT` if there are no samples or too few, `ORTLET_ACCURACY_BUDGET` if a mode is out of the
// budget, `ORTLET_CANCELLED`, those of loading and running the original. Threads: any.
ortlet_status ortlet_choose_precision(const char *model_path,
                                      const char *options_json,
                                      const ortlet_hooks *hooks,
                                      ortlet_model **chosen,
                                      ortlet_buffer **report_json,
                                      ortlet_error **error);

// Compiles a model for this device and keeps it in an artifact, one file that `ortlet_session_load` takes. `options` are
// those of `ortlet_session_load_with`. `report_json`, unless `NULL`, gets what was made.
//
// Errors: those of loading the model, `ORTLET_IO` if the artifact cannot be written, `ORTLET_CANCELLED`. Threads: any.
ortlet_status ortlet_compile(const char *model_path,
                             const char *artifact_path,
                             const char *options_json,
                             const ortlet_hooks *hooks,
                             ortlet_buffer **report_json,
                             ortlet_error **error);

// Finds out how a model runs fastest on this device, and keeps the plan in the cache folder or the artifact, where later
// loads with the same options follow it. `options` is a JSON object or `NULL`; `hooks` has the samples. `plan_json`,
// unless `NULL`, gets the plan and how it was found.
//
// Errors: `ORTLET_INVALID_ARGUMENT` for options that make no sense and for no samples, `ORTLET_CANCELLED`, those of
// loading and running the model. Threads: any; nothing else in the process should run meanwhile.
ortlet_status ortlet_tune(const char *model_path,
                          const char *options_json,
                          const ortlet_hooks *hooks,
                          ortlet_buffer **plan_json,
                          ortlet_error **error);

// The compiled models and plans in a cache folder as a JSON array, the least recently used first. `cache` is what the
// option `cache` of a session is: a JSON text with a path (`"\"/var/cache/app\""`), `true` for the platform's folder, or
// `NULL` for the one that the environment names.
//
// Errors: `ORTLET_IO`, `ORTLET_INVALID_ARGUMENT`. Threads: any.
ortlet_status ortlet_cache_entries(const char *cache_json,
                                   ortlet_buffer **entries_json,
                                   ortlet_error **error);

// Removes every compiled model and plan from a cache folder, and nothing else. Sessions that use one of them go on.
// `entries_json`, unless `NULL`, gets what was removed.
//
// Errors: as `ortlet_cache_entries`. Threads: any.
ortlet_status ortlet_cache_clear(const char *cache_json,
                                 ortlet_buffer **entries_json,
                                 ortlet_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ORTLET_ORTLET_H */
