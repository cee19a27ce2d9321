//! The environment variable that forces an instruction set, in processes of their own.

use std::process::Command;

use ortlet_kernels::Isa;

/// Not a test by itself: says what is active in a process that the test below starts.
#[test]
fn active() {
    if std::env::var_os("ORTLET_KERNELS_TEST").is_some() {
        match Isa::active() {
            Ok(isa) => println!("<{}>", isa.name()),
            Err(error) => println!("<{error}>"),
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "starts processes")]
fn the_variable_forces_what_there_is() {
    let run = |name: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "active", "--nocapture"]).env("ORTLET_KERNELS_TEST", "1");
        let output = command.env("ORTLET_KERNELS", name).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, rest) = text.split_once('<').unwrap();
        rest.split_once('>').unwrap().0.to_owned()
    };
    for isa in Isa::available() {
        assert_eq!(run(isa.name()), isa.name());
    }
    assert_eq!(run(""), Isa::detect().name());
    for isa in Isa::ALL.into_iter().filter(|isa| !isa.is_available()) {
        let message = run(isa.name());
        assert!(message.contains(isa.name()) && message.contains("lacks"), "{message}");
    }
    assert!(run("sse9").contains("`sse9`"));
}
