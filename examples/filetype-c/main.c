/* Tells the types of files by their content, with the Magika model.
 *
 *   filetype MODEL.onnx CONFIG.json FILES...      (config.min.json, which comes with the model)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ortlet/ortlet.h>

#include "config.h"
#include "features.h"

/* Tells why something failed, and gives what `main` returns then. */
static int failed(ortlet_error *error) {
  fprintf(stderr, "error: %s\n", ortlet_error_message(error));
  ortlet_error_free(error);
  return EXIT_FAILURE;
}

/* Runs the model on what was read of a file, and prints its line. */
static ortlet_status classify(const ortlet_session *session, const struct config *config, const char *path,
                              const struct features *features, ortlet_error **error) {
  const size_t shape[] = {1, FEATURE_COUNT};
  const ortlet_input input = {
      .name = "bytes",
      .tensor = {features->bytes, sizeof features->bytes, shape, 2, ORTLET_INT32},
  };
  ortlet_outputs *outputs = NULL;
  ortlet_tensor scores;
  ortlet_status status = ortlet_session_run(session, &input, 1, NULL, &outputs, error);
  if (status == ORTLET_OK) {
    status = ortlet_outputs_tensor(outputs, "target_label", &scores, error);
  }
  if (status == ORTLET_OK) {
    float score = 0;
    char label[MAX_LABEL];
    config_label(config, scores.data, scores.size_bytes / sizeof(float), features->is_text, label, &score);
    printf("%-40s  %-16s  %.3f\n", path, label, score);
  }
  ortlet_outputs_free(outputs);
  return status;
}

int main(int argc, char **argv) {
  struct config config;
  ortlet_session *session = NULL;
  ortlet_error *error = NULL;
  ortlet_status status;
  int at;
  if (argc < 3) {
    fprintf(stderr, "usage: filetype MODEL.onnx CONFIG.json FILES...\n");
    return 2;
  }
  if (!config_read(&config, argv[2])) {
    fprintf(stderr, "error: cannot read `%s`\n", argv[2]);
    return EXIT_FAILURE;
  }
  status = ortlet_session_load(argv[1], NULL, &session, &error);
  printf("%-40s  %-16s  score\n", "path", "label");
  for (at = 3; at < argc && status == ORTLET_OK; ++at) {
    struct features features;
    const char *known = features_read(&features, argv[at]);
    if (known != NULL) {
      printf("%-40s  %-16s  -\n", argv[at], known);
    } else {
      status = classify(session, &config, argv[at], &features, &error);
    }
  }
  ortlet_session_free(session);
  config_free(&config);
  return status == ORTLET_OK ? EXIT_SUCCESS : failed(error);
}
