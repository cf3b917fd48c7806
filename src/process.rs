//! What the process owes to those who run it: it ends as a whole, and its memory, which holds passwords, is nobody else's.

use std::io::{self, Write as _};
use std::panic;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Whatever panics, in a task or a thread, ends the process with 1 and one line. What lived on without a part of itself
/// would look well from outside. Call it before anything is started.
pub(crate) fn end_on_panic() {
    panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        drop(writeln!(io::stderr(), "pgcommons: {line}"));
        end();
    }));
}

#[expect(
    clippy::disallowed_methods,
    reason = "no caller is left to hand an exit code to, and what unwinding would drop is not to be trusted"
)]
fn end() -> ! {
    std::process::exit(1)
}

/// No core dump, and no look at memory or environment for other processes of the same user.
pub(crate) fn keep_memory_private() {
    // Where the kernel will not, all else is as good as before.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// Not run by itself: it ends the process that runs it.
    #[test]
    #[ignore = "for the test below"]
    fn a_task_panics() {
        super::end_on_panic();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            drop(tokio::spawn(async { panic!("out of\n\nluck") }).await);
        });
        panic!("the process goes on");
    }

    #[test]
    fn a_panic_in_a_task_ends_the_process_with_one_line() {
        let name = "process::tests::a_task_panics";
        let tests = std::env::current_exe().expect("the program has a path");
        let output = Command::new(tests)
            .args([name, "--exact", "--ignored", "--nocapture"])
            .output()
            .expect("it can be run");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        let lines: Vec<_> = stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{stderr}");
        assert!(
            lines[0].starts_with("pgcommons: panicked at src/process.rs:"),
            "{stderr}"
        );
        assert!(lines[0].ends_with("out of luck"), "{stderr}");
    }
}
