/* Sizes and places that the Rust tests assert of the same structs; compiled as C11, where they can be asserted. */
#include "check.h"

#define WORD sizeof(void *)

_Static_assert(sizeof(ortlet_tensor) == 5 * WORD, "ortlet_tensor");
_Static_assert(offsetof(ortlet_tensor, size_bytes) == WORD, "ortlet_tensor.size_bytes");
_Static_assert(offsetof(ortlet_tensor, shape) == 2 * WORD, "ortlet_tensor.shape");
_Static_assert(offsetof(ortlet_tensor, rank) == 3 * WORD, "ortlet_tensor.rank");
_Static_assert(offsetof(ortlet_tensor, dtype) == 4 * WORD, "ortlet_tensor.dtype");
_Static_assert(sizeof(ortlet_tensor_mut) == 5 * WORD, "ortlet_tensor_mut");
_Static_assert(sizeof(ortlet_input) == 7 * WORD, "ortlet_input");
_Static_assert(offsetof(ortlet_input, tensor) == 2 * WORD, "ortlet_input.tensor");
_Static_assert(sizeof(ortlet_value_info) == 5 * WORD + 8, "ortlet_value_info");
_Static_assert(offsetof(ortlet_value_info, rank) == 4 * WORD, "ortlet_value_info.rank");
_Static_assert(offsetof(ortlet_value_info, dtype) == 5 * WORD + 4, "ortlet_value_info.dtype");
_Static_assert(sizeof(ortlet_run_options) == 4 * WORD, "ortlet_run_options");
_Static_assert(sizeof(ortlet_named_value) == 2 * WORD, "ortlet_named_value");
_Static_assert(offsetof(ortlet_hooks, measure) == 3 * WORD, "ortlet_hooks.measure");
_Static_assert(sizeof(ortlet_hooks) == (WORD == 8 ? 6 * WORD : 7 * WORD), "ortlet_hooks");

int main(void) {
  CHECK(ortlet_abi_version() == ORTLET_ABI_VERSION);
  CHECK(strlen(ortlet_version()) >= 5);
  /* Compiled here and unused otherwise. */
  (void)input_of;
  return 0;
}
