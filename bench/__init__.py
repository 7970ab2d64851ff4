"""What is measured, and against whom.

``python -m bench.sso`` (``make bench-sso``) puts Tessera beside node-oidc-provider. ``sites`` is
what both are to the load; ``load`` asks them; ``cores`` keeps them apart and reads their CPU time;
``floor`` measures what nobody can go below; ``report`` makes the table.
"""
