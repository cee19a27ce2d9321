/* What Magika looks at in a file: bytes from its beginning and its end. */
#ifndef FILETYPE_FEATURES_H
#define FILETYPE_FEATURES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 1024, BLOCK = 4096, FEATURE_COUNT = 2 * SIDE, PADDING = 256, LEAST_BYTES = 8 };

struct features {
  /* The model's input: a byte each, or the padding. */
  int32_t bytes[FEATURE_COUNT];
  /* Whether the beginning is UTF-8. */
  bool is_text;
};

/* White space as Magika counts it. */
static bool is_space(unsigned char byte) { return byte != 0 && strchr(" \t\n\r\v\f", byte) != NULL; }

/* Whether bytes are UTF-8, apart from a character that their end cuts. */
static bool is_text(const unsigned char *bytes, size_t count) {
  size_t at = 0;
  while (at < count) {
    const unsigned char first = bytes[at];
    size_t length = 1, next;
    if (first >= 0xF0) {
      length = 4;
    } else if (first >= 0xE0) {
      length = 3;
    } else if (first >= 0xC0) {
      length = 2;
    }
    if (first > 0xF4 || (first >= 0x80 && first < 0xC2)) {
      return false;
    }
    for (next = at + 1; next < at + length && next < count; ++next) {
      const unsigned char low = next == at + 1 && first == 0xE0 ? 0xA0 : next == at + 1 && first == 0xF0 ? 0x90 : 0x80;
      const unsigned char high = next == at + 1 && first == 0xED ? 0x9F : next == at + 1 && first == 0xF4 ? 0x8F : 0xBF;
      if (bytes[next] < low || bytes[next] > high) {
        return false;
      }
    }
    at += length;
  }
  return true;
}

static const char *vague(bool text) { return text ? "txt" : "unknown"; }

/* Reads a file. Gives NULL, or what it is if there is too little of it for the model. */
static const char *features_read(struct features *features, const char *path) {
  unsigned char first[BLOCK], last[BLOCK];
  size_t count, last_count, start = 0, at;
  FILE *const file = fopen(path, "rb");
  if (file == NULL) {
    return "(not readable)";
  }
  count = fread(first, 1, BLOCK, file);
  if (ferror(file)) {
    fclose(file);
    return "directory";
  }
  if (count < BLOCK || fseek(file, -BLOCK, SEEK_END) != 0) {
    rewind(file);
  }
  last_count = fread(last, 1, BLOCK, file);
  fclose(file);

  features->is_text = is_text(first, count);
  while (start < count && is_space(first[start])) {
    ++start;
  }
  while (last_count > 0 && is_space(last[last_count - 1])) {
    --last_count;
  }
  if (count == 0) {
    return "empty";
  }
  if (count - start < LEAST_BYTES) {
    return vague(features->is_text);
  }
  for (at = 0; at < SIDE; ++at) {
    features->bytes[at] = start + at < count ? first[start + at] : PADDING;
    features->bytes[FEATURE_COUNT - 1 - at] = at < last_count ? last[last_count - 1 - at] : PADDING;
  }
  return NULL;
}

#endif
