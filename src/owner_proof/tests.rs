use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> OwnerProof {
        OwnerProof::open(Arc::new(DataDirectory::open(self.0.path()).unwrap()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(".factory-reset").join(name)
    }
}

async fn hand_over(proof: &OwnerProof, token: &SetupToken) -> Uuid {
    let run = Uuid::now_v7();
    let stored = proof.find_inert(token.secret()).unwrap();
    proof.prepare(run, Some(stored)).await.unwrap();
    run
}

#[tokio::test]
async fn a_setup_token_is_inert_until_the_commit_and_good_once() {
    let directory = Directory::new();
    let proof = directory.open();
    let token = proof.issue("session").await.unwrap();
    assert!(proof.prove(token.secret()).await.is_err(), "inert");
    let run = hand_over(&proof, &token).await;
    assert!(!proof.is_missing());
    assert!(proof.prove(token.secret()).await.is_err(), "prepared");
    proof.commit(run).await.unwrap();
    assert!(proof.is_missing());
    assert!(proof.prove("0123456789abcdef").await.is_err(), "wrong");
    assert!(proof.is_missing());
    proof.prove(token.secret()).await.unwrap();
    assert!(!proof.is_missing());
    assert!(proof.prove(token.secret()).await.is_err(), "used");
}

#[tokio::test]
async fn an_undone_run_leaves_the_token_inert_and_the_proof_as_it_was() {
    let directory = Directory::new();
    let proof = directory.open();
    let token = proof.issue("session").await.unwrap();
    let run = hand_over(&proof, &token).await;
    proof.undo(run).await.unwrap();
    assert!(!proof.is_missing());
    assert!(proof.prove(token.secret()).await.is_err());
    assert!(!directory.file("owner.next.json").exists());
    // It is still good for the next run.
    let run = hand_over(&proof, &token).await;
    proof.commit(run).await.unwrap();
    proof.prove(token.secret()).await.unwrap();
}

#[tokio::test]
async fn after_a_crash_the_outcome_of_the_run_decides() {
    for is_committed in [true, false] {
        let directory = Directory::new();
        let proof = directory.open();
        let token = proof.issue("session").await.unwrap();
        let run = hand_over(&proof, &token).await;
        drop(proof);
        let proof = directory.open();
        match is_committed {
            true => proof.commit(run).await.unwrap(),
            false => proof.undo(run).await.unwrap(),
        }
        assert_eq!(proof.is_missing(), is_committed);
        drop(proof);
        let proof = directory.open();
        proof.settle().await;
        assert_eq!(proof.is_missing(), is_committed);
        assert_eq!(proof.prove(token.secret()).await.is_ok(), is_committed);
    }
}

#[tokio::test]
async fn a_state_that_no_journal_tells_of_counts_as_committed() {
    let directory = Directory::new();
    let proof = directory.open();
    proof.prepare(Uuid::now_v7(), None).await.unwrap();
    drop(proof);
    let proof = directory.open();
    proof.settle().await;
    assert!(proof.is_missing());
    drop(proof);
    assert!(directory.open().is_missing());
}

#[tokio::test]
async fn a_state_that_cannot_be_read_counts_as_unproven() {
    let directory = Directory::new();
    let proof = directory.open();
    proof.issue("session").await.unwrap();
    drop(proof);
    let file = directory.file("owner.json");
    let outside = directory.0.path().join("outside");
    std::fs::rename(&file, &outside).unwrap();
    std::os::unix::fs::symlink(&outside, &file).unwrap();
    assert!(directory.open().is_missing(), "a link");
    std::fs::remove_file(&file).unwrap();
    std::fs::hard_link(&outside, &file).unwrap();
    assert!(directory.open().is_missing(), "a second link");
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "{").unwrap();
    let proof = directory.open();
    assert!(proof.is_missing(), "half a file");
    proof.vouch().await.unwrap();
    drop(proof);
    assert!(!directory.open().is_missing());
}

#[tokio::test]
async fn an_expired_token_is_neither_activated_nor_accepted() {
    let directory = Directory::new();
    let proof = directory.open();
    for (hours, is_good) in [(25, false), (-25, false), (23, true)] {
        let token = SetupToken::generate().unwrap();
        let mut record = proof.state().current.clone();
        record.add(StoredToken::new(&token, "session"));
        let stored = record.find_inert(&token::hash(token.secret())).unwrap();
        let mut record = Record::default();
        record.add(stored.clone().aged(hours));
        let inert = record.find_inert(&token::hash(token.secret()));
        assert_eq!(inert.is_some(), is_good, "{hours}");
        let record = Record::unproven(Uuid::now_v7(), Some(stored.aged(hours)));
        assert_eq!(record.is_active(&token::hash(token.secret())), is_good);
    }
}

#[tokio::test]
async fn an_actor_has_one_inert_token() {
    let directory = Directory::new();
    let proof = directory.open();
    let first = proof.issue("one").await.unwrap();
    let other = proof.issue("other").await.unwrap();
    let second = proof.issue("one").await.unwrap();
    assert!(proof.find_inert(first.secret()).is_err());
    assert!(proof.find_inert(other.secret()).is_ok());
    assert!(proof.find_inert(second.secret()).is_ok());
    for actor in 0..40 {
        proof.issue(&actor.to_string()).await.unwrap();
    }
    assert!(
        proof.find_inert(other.secret()).is_err(),
        "the oldest is dropped"
    );
}

#[tokio::test]
async fn the_token_itself_is_nowhere_and_its_sum_is_for_the_owner_alone() {
    let directory = Directory::new();
    let proof = directory.open();
    let token = proof.issue("session").await.unwrap();
    assert_eq!(token.secret().len(), 64);
    assert!(!format!("{token:?}").contains(token.secret()));
    let file = directory.file("owner.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(token.secret()));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn what_a_later_run_hands_over_kills_earlier_tokens() {
    let directory = Directory::new();
    let proof = directory.open();
    let token = proof.issue("session").await.unwrap();
    let run = hand_over(&proof, &token).await;
    proof.commit(run).await.unwrap();
    let later = Uuid::now_v7();
    proof.prepare(later, None).await.unwrap();
    proof.commit(later).await.unwrap();
    assert!(proof.prove(token.secret()).await.is_err());
    assert!(proof.is_missing());
}
