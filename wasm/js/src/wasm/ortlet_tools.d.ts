/** The module that changes models, as the build makes it of the Rust crate. */

import type { ToolsModule } from "./interface.js";
/** A module without an instance yet. The file is made from the Rust crate. */
export function create(): ToolsModule;
