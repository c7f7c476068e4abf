-- The score of $1 kind, $2 namespace, $3 name, $4 version (null: the one there is); no row when nobody told of it.
select s.gate, s.score, s.lineage, s.auditability, s.accountability, s.reproducibility, graph.owner_of_kind(a.asset_kind, a.owner_uuid)
from graph.gated_asset($1, $2, $3, $4) a
cross join lateral graph.minimum_score(a.asset_kind, a.known, a.inferred) s
