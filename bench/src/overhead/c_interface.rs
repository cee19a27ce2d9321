//! Ortlet's own C interface, called as a C program does: by the functions of the shared library.

use std::env;
use std::ffi::{CStr, CString, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{null, null_mut};

use anyhow::{Context, Result, bail};
use libloading::{Library, Symbol};

/// A handle, whatever of.
type Handle = *mut c_void;
type RunBinding = unsafe extern "C" fn(Handle, *const c_void, *mut Handle) -> u32;

/// A binding behind the C interface. Nothing is released before the process ends.
pub struct CInterface {
    run: RunBinding,
    binding: Handle,
}

impl CInterface {
    /// The library lies beside this program.
    ///
    /// # Errors
    /// If it is not there, and in Ortlet's words.
    pub fn bind(model: &Path, input: &str, dims: &[usize]) -> Result<Self> {
        let program = env::current_exe().context("find this program")?;
        let path = program.with_file_name("libortlet.so");
        // SAFETY: cargo has built it of this workspace.
        let library = unsafe { Library::new(&path) }.with_context(|| format!("load {}", path.display()))?;
        let library: &'static Library = Box::leak(Box::new(library));
        let (model, input) = (CString::new(model.as_os_str().as_bytes())?, CString::new(input)?);
        // A process has one pool of threads, and it is that of the Ortlet in this program.
        let options = c"{\"threads\": 1}";
        let (mut session, mut binder, mut binding, mut error) =
            (null_mut(), null_mut(), null_mut(), null_mut());
        // SAFETY: the signatures are those of ortlet.h, handles and texts are alive, and the outputs are variables here.
        unsafe {
            let message: Symbol<'_, unsafe extern "C" fn(Handle) -> *const c_char> =
                library.get(c"ortlet_error_message")?;
            let load: Symbol<
                '_,
                unsafe extern "C" fn(*const c_char, *const c_char, *mut Handle, *mut Handle) -> u32,
            > = library.get(c"ortlet_session_load")?;
            let new: Symbol<'_, unsafe extern "C" fn(Handle, *mut Handle, *mut Handle) -> u32> =
                library.get(c"ortlet_binder_new")?;
            let shape: Symbol<
                '_,
                unsafe extern "C" fn(Handle, *const c_char, *const usize, usize, *mut Handle) -> u32,
            > = library.get(c"ortlet_binder_shape")?;
            let bind: Symbol<'_, unsafe extern "C" fn(Handle, *mut Handle, *mut Handle) -> u32> =
                library.get(c"ortlet_binder_bind")?;
            let run: Symbol<'_, RunBinding> = library.get(c"ortlet_binding_run")?;
            let failed = load(model.as_ptr(), options.as_ptr(), &mut session, &mut error) != 0
                || new(session, &mut binder, &mut error) != 0
                || shape(binder, input.as_ptr(), dims.as_ptr(), dims.len(), &mut error) != 0
                || bind(binder, &mut binding, &mut error) != 0;
            if failed {
                bail!("the C interface: {}", CStr::from_ptr(message(error)).to_string_lossy());
            }
            Ok(Self { run: *run, binding })
        }
    }

    /// One run.
    ///
    /// # Errors
    /// If there is any error.
    pub fn run(&self) -> Result<()> {
        // SAFETY: the binding is alive and nobody else uses it.
        match unsafe { (self.run)(self.binding, null(), null_mut()) } {
            0 => Ok(()),
            status => bail!("ortlet_binding_run gave {status}"),
        }
    }
}
