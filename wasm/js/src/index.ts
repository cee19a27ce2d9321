/** `ortlet` in browsers. */

import { shipEngine } from "./engine/environment.js";
import { browser } from "./platform/browser.js";
import { use } from "./platform/platform.js";

use(browser);
shipEngine();

export * from "./public.js";
