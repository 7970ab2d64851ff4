"""A contact's photo: kept, replaced, removed, announced."""

import threading

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from idp.database import db, now
from idp.directory import photos
from idp.directory.contacts import Contact
from idp.directory.photos import Photo, PhotoFile
from sync import ledger
from sync.records import feed
from tests import factories, pictures
from tests.admin.test_lists import counted
from tests.sync.conftest import member, synced

WITH_PHOTO = feed.Wanted(bio=False, photo=True, web=False, member_statuses=frozenset())


def files() -> int:
    return db.session.scalar(select(func.count()).select_from(PhotoFile)) or 0


def test_each_upload_has_a_name_that_nobody_guesses(app: Flask) -> None:
    person, company = factories.person(), factories.company()
    first = factories.photo(person).token
    other = factories.photo(company).token
    assert len(first) == len(other) == 22  # 128 bits
    second = factories.photo(person, pictures.file(pictures.halves(50, 50))).token
    assert len({first, other, second}) == 3
    assert files() == 6
    assert photos.file_of(first, 64) is None
    kept = photos.file_of(second, 256)
    assert kept is not None
    assert pictures.opened(kept).size == (50, 50)
    assert photos.file_of(second, 65) is None
    photo = photos.of(person)
    assert photo is not None
    assert (photo.width, photo.height) == (50, 50)


def test_a_removed_photo_is_gone_with_its_bytes(app: Flask) -> None:
    person = factories.person()
    token = factories.photo(person).token
    assert photos.remove(person)
    db.session.commit()
    assert photos.of(person) is None
    assert photos.file_of(token, 64) is None
    assert files() == 0
    assert not photos.remove(person)


def test_pages_and_lists_never_read_the_bytes(app: Flask) -> None:
    person = factories.person()
    factories.photo(person)
    db.session.expire_all()
    with counted() as statements:
        photos.of(person)
        feed.build([person.id], WITH_PHOTO)
    assert statements
    assert not [one for one in statements if "photo_file" in one]


def test_a_change_of_the_photo_is_announced_and_told_of(app: Flask) -> None:
    synced()
    person = member()
    person_id = person.id

    def wanted() -> int:
        return db.session.scalars(
            select(ledger.Ledger.wanted).where(ledger.Ledger.contact_id == person_id)
        ).one()

    before, was = wanted(), person.updated_at
    token = factories.photo(person).token
    after = wanted()
    assert after > before
    assert person.updated_at > was
    record = feed.build([person_id], WITH_PHOTO)[person_id]
    assert record.photo == f"http://127.0.0.1:8000/photos/{token}/1024.jpg"
    photos.remove(person)
    db.session.commit()
    assert wanted() > after
    assert feed.build([person_id], WITH_PHOTO)[person_id].photo == ""


@pytest.mark.compliance("ST4")
def test_two_uploads_at_once_leave_one_photo(app: Flask) -> None:
    person_id = factories.person().id
    db.session.rollback()
    picture = photos.made(pictures.file())
    failures: list[BaseException] = []
    together = threading.Barrier(2)

    def upload() -> None:
        try:
            with app.app_context():
                together.wait(30)
                for _ in range(5):
                    contact = db.session.get(Contact, person_id)
                    assert contact is not None
                    photos.keep(contact, picture)
                    db.session.commit()
        except BaseException as error:  # noqa: BLE001 (told to the test below)
            failures.append(error)

    threads = [threading.Thread(target=upload) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert db.session.scalar(select(func.count()).select_from(Photo)) == 1
    assert files() == len(photos.SIZES)


@pytest.mark.compliance("ST2")
def test_when_it_was_sent_is_a_moment(app: Flask) -> None:
    person = factories.person()
    factories.photo(person)
    db.session.expire_all()
    photo = photos.of(person)
    assert photo is not None
    assert (now() - photo.uploaded_at).total_seconds() < 60


@pytest.mark.parametrize("by", ["object", "id"])
@pytest.mark.parametrize("has_one", [True, False])
def test_a_merged_record_leaves_nothing_at_its_address(app: Flask, by: str, has_one: bool) -> None:
    kept, gone = factories.person(), factories.person()
    own = factories.photo(kept).token if has_one else None
    old = factories.photo(gone).token
    gone.active = False
    if by == "object":
        gone.merged_into = kept
    else:
        gone.merged_into_id = kept.id
    db.session.commit()
    assert photos.file_of(old, 64) is None
    assert photos.of(gone) is None
    token = photos.token_of(kept)
    assert token is not None
    assert photos.file_of(token, 64) is not None
    assert (token == own) is has_one
    assert files() == len(photos.SIZES)


def test_a_record_that_was_merged_past_the_session_has_no_address_either(app: Flask) -> None:
    kept, gone = factories.person(), factories.person()
    token = factories.photo(gone).token
    db.session.execute(
        update(Contact.__table__)
        .where(Contact.__table__.c.id == gone.id)
        .values(merged_into_id=kept.id, active=False)
    )
    assert photos.file_of(token, 64) is None
