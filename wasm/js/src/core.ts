/** `ortlet/core` in browsers: the engine is the caller's. */

import { browser } from "./platform/browser.js";
import { use } from "./platform/platform.js";

use(browser);

export * from "./public.js";
