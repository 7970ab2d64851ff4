"""What is measured, and against whom.

``python -m bench.sso`` (``make bench-sso``) puts Tessera beside node-oidc-provider. ``sites`` is
what both are to the load; ``load`` asks them; ``cores`` keeps them apart and reads their CPU time;
``floor`` measures what nobody can go below; ``report`` makes the table.

``python -m bench.directory`` (``make bench-directory``) makes associations of up to a million
people (``association``), does to them what staff do (``directory_work``) and sets the sizes side by
side (``directory_report``).
"""
