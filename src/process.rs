//! Process-wide settings, and tasks that must not end: a panic ends the whole process, and other processes cannot read its memory, which holds passwords.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::panic;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::task::{JoinError, JoinSet};

/// A panic in any task or thread ends the process with exit code 1 and one line. Otherwise the process could continue
/// without one of its tasks and look healthy. Call it before starting tasks.
pub(crate) fn exit_on_panic() {
    panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        drop(writeln!(io::stderr(), "pgcommons: {line}"));
        exit();
    }));
}

#[expect(
    clippy::disallowed_methods,
    reason = "a panic hook cannot return an exit code, and destructors may rely on broken state"
)]
fn exit() -> ! {
    std::process::exit(1)
}

/// Disables core dumps and access to memory and environment by other processes of the same user.
pub(crate) fn keep_memory_private() {
    // If the kernel refuses, the agent still works.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Waits for a task that ends by itself, which is a bug. Pending while all run, also after one was aborted. Cancel-safe.
pub(crate) async fn task_failure(tasks: &mut JoinSet<Infallible>) -> JoinError {
    loop {
        match tasks.join_next().await {
            Some(Err(error)) if !error.is_cancelled() => return error,
            Some(Err(_)) => {}
            Some(Ok(never)) => match never {},
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// Runs only in a child process of the test below, because it ends its process.
    #[test]
    #[ignore = "for the test below"]
    fn a_task_panics() {
        super::exit_on_panic();
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
