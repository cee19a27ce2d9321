/** `ortlet` in Node. */

import { shipEngine } from "./engine/environment.js";
import { node } from "./platform/node.js";
import { use } from "./platform/platform.js";

use(node);
shipEngine();

export * from "./public.js";
