/** `ortlet/core` in Node: the engine is the caller's. */

import { node } from "./platform/node.js";
import { use } from "./platform/platform.js";

use(node);

export * from "./public.js";
