/* What the model's scores mean: labels, and how sure the model has to be of some of them.
 *
 * Reads the three fields that it needs of a file whose form is known; a program with more JSON will want a library.
 */
#ifndef FILETYPE_CONFIG_H
#define FILETYPE_CONFIG_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "features.h"

enum { MAX_LABEL = 64 };

struct config {
  char *json;
};

static bool config_read(struct config *config, const char *path) {
  enum { MOST = 1 << 20 };
  FILE *const file = fopen(path, "rb");
  size_t size;
  config->json = file == NULL ? NULL : malloc(MOST + 1);
  if (config->json == NULL) {
    if (file != NULL) {
      fclose(file);
    }
    return false;
  }
  size = fread(config->json, 1, MOST, file);
  config->json[size] = '\0';
  fclose(file);
  return strstr(config->json, "\"target_labels_space\"") != NULL;
}

static void config_free(struct config *config) { free(config->json); }

/* The text behind the colon of a field. */
static const char *field(const char *json, const char *name) {
  char key[MAX_LABEL + 4];
  const char *at;
  snprintf(key, sizeof key, "\"%s\"", name);
  at = strstr(json, key);
  at = at == NULL ? NULL : strchr(at + strlen(key), ':');
  return at == NULL ? NULL : at + 1;
}

/* A field of the object in a field, or NULL. */
static const char *member(const char *json, const char *object, const char *name) {
  const char *const start = field(json, object);
  const char *const end = start == NULL ? NULL : strchr(start, '}');
  const char *const found = start == NULL ? NULL : field(start, name);
  return found != NULL && found < end ? found : NULL;
}

/* Copies the next text in quotes, and gives what is behind it. */
static const char *text(const char *at, char *label) {
  const char *const start = strchr(at, '"');
  const char *const end = start == NULL ? NULL : strchr(start + 1, '"');
  const size_t length = end == NULL ? 0 : (size_t)(end - start - 1);
  if (length >= MAX_LABEL) {
    return NULL;
  }
  label[0] = '\0';
  if (length > 0) {
    memcpy(label, start + 1, length);
    label[length] = '\0';
  }
  return end == NULL ? NULL : end + 1;
}

/* The best label and its score. Where the model is not sure enough, the label only says whether it is text. */
static void config_label(const struct config *config, const float *scores, size_t count, bool is_text_file,
                         char *label, float *score) {
  const char *at = field(config->json, "target_labels_space");
  const char *threshold, *other;
  size_t best = 0, index;
  for (index = 1; index < count; ++index) {
    if (scores[index] > scores[best]) {
      best = index;
    }
  }
  label[0] = '\0';
  for (index = 0; index <= best && at != NULL; ++index) {
    at = text(at, label);
  }
  *score = scores[best];
  threshold = member(config->json, "thresholds", label);
  if (threshold == NULL) {
    threshold = field(config->json, "medium_confidence_threshold");
  }
  other = member(config->json, "overwrite_map", label);
  if (threshold != NULL && *score < strtof(threshold, NULL)) {
    snprintf(label, MAX_LABEL, "%s", vague(is_text_file));
  } else if (other != NULL) {
    text(other, label);
  }
}

#endif
