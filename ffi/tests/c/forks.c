/* Forked processes: one that was forked after ONNX Runtime was loaded is told so and can end; one that was forked
 * before may run models.
 * usage: forks FIXTURES */
#define _POSIX_C_SOURCE 200809L
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* A process that was forked has little to do, and has to be over soon. */
#define CHILD_SECONDS 1

static char path[4096];

static void run(const ortlet_session *session, ortlet_status expected) {
  const float x[32] = {1};
  const size_t shape[] = {1, 32};
  const ortlet_input input = input_of("x", ORTLET_FLOAT32, shape, 2, x, sizeof x);
  ortlet_outputs *outputs = NULL;
  if (expected == ORTLET_OK) {
    OK(ortlet_session_run(session, &input, 1, NULL, &outputs, &error));
    ortlet_outputs_free(outputs);
  } else {
    FAILS(expected, "forked", ortlet_session_run(session, &input, 1, NULL, &outputs, &error));
  }
}

static void child_ends_well(pid_t child) {
  int status = 0;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv) {
  ortlet_session *session = NULL, *other = NULL;
  pid_t child;
  CHECK(argc == 2);
  snprintf(path, sizeof path, "%s/perceptron.onnx", argv[1]);

  child = fork();
  if (child == 0) {
    OK(ortlet_session_load(path, NULL, &session, &error));
    run(session, ORTLET_OK);
    ortlet_session_free(session);
    exit(0);
  }
  child_ends_well(child);

  OK(ortlet_session_load(path, NULL, &session, &error));
  run(session, ORTLET_OK);
  child = fork();
  if (child == 0) {
    /* Rather dead than hanging. */
    alarm(CHILD_SECONDS);
    run(session, ORTLET_UNSUPPORTED);
    FAILS(ORTLET_UNSUPPORTED, "forked", ortlet_session_load(path, NULL, &other, &error));
    ortlet_session_free(session);
    exit(0);
  }
  child_ends_well(child);
  run(session, ORTLET_OK);
  ortlet_session_free(session);
  return 0;
}
