use super::*;

/// What is unpacked, without what is not told by the entries themselves.
fn content(fixture: &Fixture) -> Snapshot {
    let mut snapshot = snapshot(&fixture.target());
    // Directories above what was saved have the time of unpacking.
    snapshot.retain(|path, (mode, ..)| *mode & 0o170_000 != 0o040_000 || path.ends_with(b"empty"));
    snapshot
}

#[test]
fn a_bundle_cut_anywhere_is_refused() {
    let fixture = Fixture::new();
    fixture.save_sample("one");
    let bundle = fs::read(fixture.file("one.tar.zst")).unwrap();
    for with_sum in [true, false] {
        if !with_sum {
            fs::remove_file(fixture.file("one.tar.zst.sha256")).unwrap();
        }
        for length in 0..bundle.len() {
            fs::write(fixture.file("one.tar.zst"), &bundle[..length]).unwrap();
            let error = fixture.unpack("one").unwrap_err();
            assert!(
                matches!(error, BundleError::Unusable { .. }),
                "{length}: {error:?}"
            );
        }
    }
    fs::write(fixture.file("one.tar.zst"), &bundle).unwrap();
    fixture.unpack("one").unwrap();
}

#[test]
fn a_flipped_bit_is_refused_or_makes_no_difference() {
    let fixture = Fixture::new();
    fixture.save_sample("one");
    fixture.unpack("one").unwrap();
    let whole = content(&fixture);
    let bundle = fs::read(fixture.file("one.tar.zst")).unwrap();
    for with_sum in [true, false] {
        if !with_sum {
            fs::remove_file(fixture.file("one.tar.zst.sha256")).unwrap();
        }
        for place in 0..bundle.len() {
            let mut damaged = bundle.clone();
            damaged[place] ^= 1 << (place % 8);
            fs::write(fixture.file("one.tar.zst"), &damaged).unwrap();
            match fixture.unpack("one") {
                Ok(_) if with_sum => panic!("the sum does not matter at {place}"),
                Ok(_) => assert_eq!(content(&fixture), whole, "{place}"),
                Err(BundleError::Unusable { .. }) => {}
                Err(error) => panic!("{place}: {error:?}"),
            }
        }
    }
}

#[test]
fn whatever_follows_is_refused() {
    let fixture = Fixture::new();
    fixture.save_sample("one");
    fs::remove_file(fixture.file("one.tar.zst.sha256")).unwrap();
    let bundle = fs::read(fixture.file("one.tar.zst")).unwrap();
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0];
    let empty = zstd::encode_all(&b""[..], 3).unwrap();
    for tail in [&b"\0"[..], b"x", &skippable, &empty, &bundle] {
        fs::write(fixture.file("one.tar.zst"), [&bundle, tail].concat()).unwrap();
        let error = crate::chain(&fixture.unpack("one").unwrap_err());
        assert!(error.contains("something follows it"), "{error}");
    }
    for front in [&skippable[..], &empty] {
        fs::write(fixture.file("one.tar.zst"), [front, &bundle].concat()).unwrap();
        fixture.unpack("one").unwrap_err();
    }
}

#[test]
fn the_sum_beside_it_has_to_be_its_own() {
    let fixture = Fixture::new();
    fixture.save_sample("one");
    let file = fixture.file("one.tar.zst.sha256");
    let text = fs::read_to_string(&file).unwrap();
    let other = format!("{}{}", "0".repeat(64), &text[64..]);
    fs::write(&file, other).unwrap();
    let error = crate::chain(&fixture.unpack("one").unwrap_err());
    assert!(error.contains("its SHA-256 is"), "{error}");
    for wrong in [
        "",
        "x",
        &text[..70],
        &text.replace("one", "two"),
        &format!("{text}{text}"),
    ] {
        fs::write(&file, wrong).unwrap();
        let error = crate::chain(&fixture.unpack("one").unwrap_err());
        assert!(error.contains("does not hold its sum"), "{error}");
        assert!(fixture.backups.find(&name("one")).unwrap().error.is_some());
    }
}
