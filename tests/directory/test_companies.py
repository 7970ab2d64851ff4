"""Parent companies and main contacts."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import select, update

from idp.database import db
from idp.directory import companies
from idp.directory.contacts import Company, InvalidValue
from tests import factories


def test_a_company_is_part_of_another_but_never_of_itself(app: Flask) -> None:
    holding, region, branch = (factories.company(name=name) for name in ("H", "R", "B"))
    region.parent, branch.parent = holding, region
    db.session.commit()
    for above in (holding, region, branch):
        with pytest.raises(InvalidValue, match="H would be part of itself") as refused:
            holding.parent = above
        assert (refused.value.field, refused.value.reason) == ("parent", "circle_of_parents")
    assert holding.parent is None
    branch.parent = holding
    db.session.commit()


def test_a_circle_by_the_parents_id_is_refused_before_it_is_kept(app: Flask) -> None:
    above, below = factories.company(), factories.company()
    below.parent_id = above.id
    db.session.commit()
    above.parent_id = below.id
    with pytest.raises(InvalidValue, match="would be part of itself"):
        db.session.commit()
    db.session.rollback()
    db.session.refresh(above)
    assert above.parent_id is None


def test_what_no_model_saw_is_found(app: Flask) -> None:
    one, other, third = (factories.company() for _ in range(3))
    company = Company.__table__.c
    for row, parent in ((one, other), (other, one), (third, one)):
        statement = update(Company.__table__).where(company.id == row.id)
        db.session.execute(statement.values(parent_id=parent.id))
    # The third only hangs on the circle.
    assert set(companies.in_a_circle([one.id, other.id, third.id])) == {one.id, other.id}
    db.session.rollback()


@pytest.mark.compliance("ST4")
def test_two_at_once_make_no_circle(app: Flask) -> None:
    pair = (factories.company().id, factories.company().id)
    db.session.rollback()
    start = threading.Barrier(2)

    def put(company_id: int, parent_id: int) -> bool:
        with app.app_context():
            start.wait()
            company, parent = (db.session.get(Company, one) for one in (company_id, parent_id))
            assert company is not None
            try:
                company.parent = parent
                db.session.commit()
            except InvalidValue:
                db.session.rollback()
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(2) as pool:
        kept = list(pool.map(lambda ids: put(*ids), (pair, pair[::-1])))
    assert sorted(kept) == [False, True]
    assert (
        len(db.session.scalars(select(Company.parent_id).where(Company.parent_id > 0)).all()) == 1
    )


def test_the_main_contact_is_a_person(app: Flask) -> None:
    company, other, person = factories.company(), factories.company(name="X"), factories.person()
    with pytest.raises(InvalidValue, match="X is a company: choose a person"):
        company.main_contact = other  # type: ignore[assignment]
    company.main_contact = person
    db.session.commit()
    assert company.main_contact is person
