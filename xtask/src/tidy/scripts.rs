//! Rules about TypeScript: who may use whom in `wasm/js/src`, no circles, and Node only where it is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::{MAXIMUM_LINES, Problem};

const SOURCES: &str = "wasm/js/src";

/// Folders and what their files may name, other than each other: folders, or single files of them. Types are free:
/// nothing is left of them in JavaScript.
const LAYERS: &[(&str, &[&str])] = &[
    ("generated", &[]),
    ("platform", &["api/errors", "places.browser", "places.node"]),
    ("wasm", &["api/errors", "assets", "platform"]),
    ("precision", &["api/errors", "engine/turns", "load", "wasm"]),
    (
        "load",
        &[
            "api/dtype",
            "api/errors",
            "engine/providers",
            "engine/turns",
            "platform",
            "precision",
            "version",
            "wasm",
        ],
    ),
    (
        "engine",
        &[
            "api/errors",
            "api/inputs",
            "api/options",
            "api/tensor",
            "api/value_info",
            "assets",
            "platform",
            "wasm",
        ],
    ),
    ("worker", &["api/errors", "api/tensor", "assets", "engine", "load", "platform"]),
    ("api", &["engine", "generated", "load", "platform", "precision", "version", "wasm", "worker"]),
];

const TABLE: &str = "the table in xtask/src/tidy/scripts.rs";

/// Whether a file is one that these rules are about.
pub fn is_script(file: &Path) -> bool {
    let is_ours = file.starts_with("wasm/js/src") || file.starts_with("wasm/js/tests");
    is_ours && file.extension().is_some_and(|extension| extension == "ts" || extension == "js")
}

/// Checks all of them, which are given with their text.
pub fn check(files: &[(&PathBuf, String)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut graph = BTreeMap::new();
    for (file, text) in files {
        problems.extend(shape(file, text));
        if let Ok(module) = file.strip_prefix(SOURCES) {
            let imports = imports(text);
            problems.extend(imports.iter().filter_map(|(line, name)| judge(file, module, *line, name)));
            let named = imports.iter().filter_map(|(_, name)| resolve(module, name));
            graph.insert(module.with_extension(""), named.collect::<BTreeSet<_>>());
        }
    }
    problems.extend(circle(&graph).map(|path| {
        let names: Vec<String> = path.iter().map(|module| module.display().to_string()).collect();
        Problem::new(&Path::new(SOURCES).join(&path[0]).with_extension("ts"), 1, {
            format!("modules import each other: {}", names.join(" -> "))
        })
    }));
    problems
}

/// Length and opening line.
fn shape(file: &Path, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > MAXIMUM_LINES {
        let message =
            format!("{lines} lines, at most {MAXIMUM_LINES} are allowed: split the file by its jobs");
        problems.push(Problem::new(file, MAXIMUM_LINES + 1, message));
    }
    if !text.starts_with("/**") && !text.starts_with("//") {
        problems.push(Problem::new(file, 1, "the first line has to say the file's job: `/** … */`"));
    }
    problems
}

/// What a file imports besides types, when it is loaded, and in which line.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open = None;
    for (index, line) in text.lines().enumerate() {
        let begins =
            line.starts_with("import ") || line.starts_with("export {") || line.starts_with("export *");
        if begins && !line.starts_with("import type") {
            open = Some(index + 1);
        }
        let name = line.rsplit_once('"').and_then(|(before, _)| before.rsplit_once('"'));
        if let (Some(start), Some((before, name))) = (open, name) {
            let is_name = before.trim_end().ends_with("from") || before.trim_end() == "import";
            found.extend(is_name.then(|| (start, name.to_owned())));
        }
        if line.trim_end().ends_with(';') {
            open = None;
        }
    }
    found
}

fn judge(file: &Path, module: &Path, line: usize, name: &str) -> Option<Problem> {
    let is_for_node = module.starts_with("platform") || module.to_string_lossy().contains(".node.");
    let Some(target) = resolve(module, name) else {
        let is_allowed = name.starts_with("node:") && is_for_node;
        return (!is_allowed)
            .then(|| Problem::new(file, line, format!("`{name}` is not in the package, or only in Node")));
    };
    let own = module.parent()?;
    if own.as_os_str().is_empty() {
        // The entries, which put everything together.
        return None;
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(folder, _)| own.starts_with(folder)) else {
        return Some(Problem::new(file, 1, format!("folder `{}` has no row in {TABLE}", own.display())));
    };
    let is_allowed =
        target.starts_with(own.iter().next()?) || allowed.iter().any(|allowed| target.starts_with(allowed));
    (!is_allowed).then(|| {
        Problem::new(
            file,
            line,
            format!("`{}` may not use `{}`; see {TABLE}", own.display(), target.display()),
        )
    })
}

/// The module that a name stands for, without its extension; none if it is a package's.
fn resolve(module: &Path, name: &str) -> Option<PathBuf> {
    if !name.starts_with('.') {
        return None;
    }
    let mut path = module.parent()?.to_owned();
    for part in Path::new(name).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(part) => path.push(part),
            _ => {}
        }
    }
    Some(path.with_extension(""))
}

/// Modules each of which imports the next, the last the first, if there are any.
fn circle(graph: &BTreeMap<PathBuf, BTreeSet<PathBuf>>) -> Option<Vec<PathBuf>> {
    let mut done = BTreeSet::new();
    graph.keys().find_map(|module| circle_from(module, graph, &mut Vec::new(), &mut done))
}

fn circle_from(
    module: &Path,
    graph: &BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    path: &mut Vec<PathBuf>,
    done: &mut BTreeSet<PathBuf>,
) -> Option<Vec<PathBuf>> {
    if let Some(at) = path.iter().position(|before| before == module) {
        return Some(path[at..].iter().chain([&module.to_owned()]).cloned().collect());
    }
    if !done.insert(module.to_owned()) {
        return None;
    }
    path.push(module.to_owned());
    let found = graph.get(module).into_iter().flatten().find_map(|next| circle_from(next, graph, path, done));
    path.pop();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(files: &[(&str, &str)]) -> Vec<String> {
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| Path::new(SOURCES).join(name)).collect();
        let files = paths.iter().zip(files).map(|(path, (_, text))| (path, format!("/** Job. */\n{text}")));
        check(&files.collect::<Vec<_>>()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn upward_types_and_what_is_imported_later_are_allowed() {
        let text = "import { a } from \"../platform/platform.js\";\nimport type { B } from \"../worker/b.js\";\n\
                    export const c = () => import(\"../api/c.js\");\nconst from = \"from \\\"x\\\"\";\n";
        assert_eq!(problems(&[("load/a.ts", text)]), [""; 0]);
        assert_eq!(problems(&[("index.ts", "export * from \"./public.js\";\n")]), [""; 0]);
        assert_eq!(
            problems(&[("platform/node.ts", "import { readFile } from \"node:fs/promises\";\n")]),
            [""; 0]
        );
    }

    #[test]
    fn everything_else_is_found() {
        for (file, text) in [
            ("load/a.ts", "import {\n  a,\n  b,\n} from \"../worker/b.js\";\n"),
            ("platform/a.ts", "export { a } from \"../api/session.js\";\n"),
            ("wasm/a.ts", "import \"../index.js\";\n"),
            ("load/a.ts", "import { readFile } from \"node:fs\";\n"),
            ("load/a.ts", "import * as ort from \"onnxruntime-web\";\n"),
            ("novel/a.ts", "import { a } from \"../api/errors.js\";\n"),
        ] {
            assert_eq!(problems(&[(file, text)]).len(), 1, "{file}: {text}");
        }
        assert!(!shape(Path::new("wasm/js/src/a.ts"), "import a;\n").is_empty());
    }

    #[test]
    fn circles_are_found() {
        let files = [
            ("api/a.ts", "import { b } from \"./b.js\";\n"),
            ("api/b.ts", "export { c } from \"./c.js\";\n"),
            ("api/c.ts", "import { b } from \"./b.js\";\n"),
        ];
        let found = problems(&files);
        assert!(found.len() == 1 && found[0].ends_with("api/b -> api/c -> api/b"), "{found:?}");
    }
}
