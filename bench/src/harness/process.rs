//! Candidates as processes: started with an order, asked for their answer, weighed while they live.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::cpu;
use crate::load::{Load, Runs};
use crate::memory::Memory;
use crate::order::{Answer, Order, Sample};

/// Longer than the slowest candidate takes for anything, the first calibration of a model included.
const PATIENCE: Duration = Duration::from_secs(600);

/// A candidate at work; ended when dropped.
pub struct Process {
    child: Child,
    /// Its answers, line by line; the last is why there are no more.
    answers: mpsc::Receiver<Result<String>>,
}

impl Process {
    /// Starts it; what it measures meanwhile is its [`Process::sample`].
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut command: Command, order: &Order) -> Result<Self> {
        command.arg(serde_json::to_string(order)?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("start it")?;
        let out = child.stdout.take().context("its output")?;
        let complaints = child.stderr.take().context("its errors")?;
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || listen(out, complaints, &sender));
        Ok(Self { child, answers })
    }

    /// What it measured while it started.
    ///
    /// # Errors
    /// What it says, or that it says nothing.
    pub fn sample(&self) -> Result<Sample> {
        match self.answer()? {
            Answer::Sample(sample) => Ok(sample),
            Answer::Error(reason) => Err(anyhow!(reason)),
            Answer::Runs(_) => bail!("answered what was not asked"),
        }
    }

    /// Lets one that holds go on for a while.
    ///
    /// # Errors
    /// What it says, or that it says nothing.
    pub fn run(&mut self, load: &Load) -> Result<Runs> {
        let input = self.child.stdin.as_mut().context("its input")?;
        writeln!(input, "{}", serde_json::to_string(load)?).context("ask it")?;
        match self.answer()? {
            Answer::Runs(runs) => Ok(runs),
            Answer::Error(reason) => Err(anyhow!(reason)),
            Answer::Sample(_) => bail!("answered what was not asked"),
        }
    }

    /// How many threads it has now; `None` where the system does not tell.
    pub fn threads(&self) -> Option<usize> {
        cpu::threads_of(self.child.id())
    }

    fn answer(&self) -> Result<Answer> {
        let line =
            self.answers.recv_timeout(PATIENCE).map_err(|_| anyhow!("no answer in {PATIENCE:?}"))??;
        serde_json::from_str(&line).with_context(|| format!("understand its answer `{line}`"))
    }

    /// Lets it end by itself, as one that was told to hold does when its input ends.
    ///
    /// # Errors
    /// It ends badly.
    pub fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait().context("wait for it")?;
        if !status.success() {
            bail!("ended with {status} after its answer");
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Neither matters for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes the answers on; after the last, the last words on standard error are the reason.
fn listen(out: ChildStdout, mut complaints: ChildStderr, answers: &mpsc::Sender<Result<String>>) {
    // Read beside the answers, so that a talkative candidate is not blocked.
    let complaints = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = complaints.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    for line in BufReader::new(out).lines() {
        // Nobody listens any more to one that is being ended.
        let _ = answers.send(line.context("read its answer"));
    }
    let complaints = complaints.join().unwrap_or_default();
    let last = complaints.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no last words");
    let _ = answers.send(Err(anyhow!("died without an answer: {}", last.trim())));
}

/// One process from start to end.
///
/// # Errors
/// It fails, and why.
pub fn sample(command: Command, order: &Order) -> Result<Sample> {
    let process = Process::start(command, order)?;
    let sample = process.sample()?;
    process.end()?;
    Ok(sample)
}

/// Several processes alive at once, each after its first output: the memory they have in all, without what their
/// language costs. `None` where the system does not tell.
///
/// # Errors
/// One of them fails, and why.
pub fn weigh(commands: Vec<Command>, order: &Order) -> Result<Option<u64>> {
    let order = Order { hold: true, ..order.clone() };
    let started: Result<Vec<_>> =
        commands.into_iter().map(|command| Process::start(command, &order)).collect();
    let processes = started?;
    let samples = processes.iter().map(Process::sample).collect::<Result<Vec<_>>>()?;
    let proportional =
        |process: &Process| Memory::of(process.child.id()).map(|memory| memory.proportional_kib);
    let all: Option<u64> = processes.iter().map(proportional).sum();
    // Anonymous pages are nobody else's, so they count in full in their process's share.
    let language: u64 = samples.iter().map(|sample| sample.language_kib).sum();
    for process in processes {
        process.end()?;
    }
    Ok(all.map(|all| all.saturating_sub(language)))
}
