//! Panics: their message is kept, because what JavaScript sees of them is only `unreachable`.

use std::panic::PanicHookInfo;
use std::sync::Mutex;

use wasm_bindgen::prelude::*;

static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Runs when the module is instantiated.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(keep));
}

fn keep(info: &PanicHookInfo<'_>) {
    if let Ok(mut last) = LAST.lock() {
        *last = Some(info.to_string());
    }
}

/// What the last panic said, and where it was. Nothing else of the instance may be used after a panic.
#[wasm_bindgen]
pub fn last_panic() -> Option<String> {
    LAST.lock().ok()?.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_panic_is_kept_with_its_place() {
        assert_eq!(last_panic(), None);
        start();
        for what in ["one", "other"] {
            std::panic::catch_unwind(|| panic!("{what} thing")).unwrap_err();
        }
        let text = last_panic().unwrap();
        assert!(text.contains("other thing") && text.contains("panics.rs"), "{text}");
    }
}
