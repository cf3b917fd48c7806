//! The command as a process: what it prints, how it ends, and what it leaves behind.

use std::fs;
use std::path::Path;

use secrecy::ExposeSecret as _;

use super::*;

fn shell(script: &str) -> PasswordCommand {
    PasswordCommand {
        program: "/bin/sh".to_owned(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        timeout: Duration::from_secs(20),
        withheld: vec!["HOME".to_owned()],
    }
}

async fn run(command: &PasswordCommand) -> Result<String, PasswordCommandError> {
    let password = PasswordCommands::default().run(command).await?;
    Ok(password.expose_secret().to_owned())
}

/// Whether a process with the id that the file has still runs. A zombie does not.
fn runs(file: &Path) -> bool {
    let pid = fs::read_to_string(file).expect("the script wrote it");
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

async fn assert_ends(file: &Path) {
    for _ in 0..500 {
        if !runs(file) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{} still runs", file.display());
}

#[tokio::test]
async fn the_line_that_it_prints_is_the_password() {
    let token = "x".repeat(5000);
    for (script, password) in [
        ("printf 'a b\\n'", "a b"),
        ("echo 'pässword'", "pässword"),
        ("printf ' x\\r\\n'", " x"),
        ("echo diagnostics >&2; echo y", "y"),
        ("test -z \"$HOME\" && echo withheld", "withheld"),
        ("test -n \"$PATH\" && echo kept", "kept"),
        (&format!("echo {token}"), &token),
        ("printf z; exec >&-; sleep 0.1", "z"),
    ] {
        assert_eq!(run(&shell(script)).await.expect(script), password);
    }
}

/// The program has exited before the runtime looks at its output.
#[tokio::test]
async fn no_output_is_lost_on_a_busy_machine() {
    for n in 0..50 {
        let mut program = Program::start(&shell("echo token")).expect("it starts");
        while !program.has_exited() {
            std::thread::yield_now();
        }
        let printed = program.output().await.expect("some");
        assert_eq!(printed.as_slice(), b"token\n", "{n}");
    }
}

#[tokio::test]
async fn what_is_no_password_is_an_error_that_shows_nothing_of_it() {
    for (script, message) in [
        ("true", "did not print one line of text"),
        (
            "printf 'hunter2\\nhunter2\\n'",
            "did not print one line of text",
        ),
        ("printf 'hunter2\\377'", "did not print one line of text"),
        ("printf 'hunter2\\0'", "did not print one line of text"),
        ("echo hunter2; exit 3", "failed with exit status: 3"),
        ("echo hunter2; kill -9 $$", "failed with signal: 9"),
        ("yes hunter2", "printed more than 65535 bytes"),
    ] {
        let error = run(&shell(script)).await.expect_err(script);
        let text = crate::logging::chain(&error);
        assert!(text.contains(message), "{script}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn the_longest_password_is_read() {
    let print = |bytes: usize| shell(&format!("head -c {bytes} /dev/zero | tr '\\0' x"));
    let longest = run(&print(MAX_BYTES)).await.expect("just short enough");
    assert_eq!(longest.len(), MAX_BYTES);
    assert!(run(&print(MAX_BYTES + 1)).await.is_err());
}

#[tokio::test]
async fn a_missing_program_is_named_unless_it_may_be_a_secret() {
    for (program, shown) in [
        ("/no/such/program", "/no/such/program"),
        ("hunter2", "not shown"),
    ] {
        let command = PasswordCommand {
            program: program.to_owned(),
            ..shell("")
        };
        let error = run(&command).await.expect_err("no such program");
        assert!(error.to_string().contains(shown), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_its_children() {
    let folder = tempfile::tempdir().expect("a folder");
    let [own, child] = ["own", "child"].map(|name| folder.path().join(name));
    let script = format!(
        "echo $$ >{}; sh -c 'echo $$ >{}; trap \"\" TERM; sleep 1000'; echo late",
        own.display(),
        child.display()
    );
    let command = PasswordCommand {
        timeout: Duration::from_secs(2),
        ..shell(&script)
    };
    let mut commands = PasswordCommands::default();
    let error = commands.run(&command).await.expect_err("it hangs");
    assert!(error.to_string().contains("within 2s"), "{error}");
    assert_ends(&own).await;
    assert_ends(&child).await;
    let next = commands.run(&shell("echo next")).await;
    assert_eq!(next.expect("a password").expose_secret(), "next");
}

/// It keeps the pipe open. A shell would wait for it.
#[tokio::test]
async fn a_child_that_is_left_behind_delays_nothing_and_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let child = folder.path().join("child");
    let script = format!("sleep 1000 & echo $! >{}; echo token", child.display());
    assert_eq!(run(&shell(&script)).await.expect("a password"), "token");
    assert_ends(&child).await;
}

#[tokio::test]
async fn a_login_that_is_given_up_kills_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("own");
    let command = shell(&format!(
        "echo $$ >{0}.new; mv {0}.new {0}; sleep 1000",
        own.display()
    ));
    let mut commands = PasswordCommands::default();
    {
        let mut running = std::pin::pin!(commands.run(&command));
        while !own.exists() {
            let wait = Duration::from_millis(10);
            assert!(tokio::time::timeout(wait, &mut running).await.is_err());
        }
    }
    assert_ends(&own).await;
}
