// Writes vectors.json: what CometBFT v0.38.25 itself answers, for tests/engines/test_light.py to compare with.
// How to run it again is in README.md beside this file. Everything is drawn from fixed seeds.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/merkle"
	"github.com/cometbft/cometbft/light"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"
)

type row = map[string]any

var chance = rand.New(rand.NewSource(38))

const chain = "vectors"

var start = time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func x(b []byte) string { return hex.EncodeToString(b) }

func sum(text string) []byte { h := sha256.Sum256([]byte(text)); return h[:] }

func random(n int) []byte { b := make([]byte, n); chance.Read(b); return b }

func hashes(paths [][]byte) []string {
	out := []string{}
	for _, p := range paths {
		out = append(out, x(p))
	}
	return out
}

// ---- hashes and bytes ----

func header(seed int) *types.Header {
	h := &types.Header{
		Version: cmtversion.Consensus{Block: 11, App: uint64(seed % 3)}, ChainID: fmt.Sprintf("chain-%d-é", seed),
		Height: int64(1 + seed*seed*seed), Time: start.Add(time.Duration(seed) * 7_777_777_777),
		LastBlockID:    types.BlockID{Hash: random(32), PartSetHeader: types.PartSetHeader{Total: uint32(1 + seed), Hash: random(32)}},
		LastCommitHash: random(32), DataHash: random(32), ValidatorsHash: random(32), NextValidatorsHash: random(32),
		ConsensusHash: random(32), AppHash: random(seed % 40), LastResultsHash: random(32), EvidenceHash: random(32),
		ProposerAddress: random(20),
	}
	if seed%4 == 0 {
		h.LastBlockID, h.LastCommitHash, h.EvidenceHash = types.BlockID{}, nil, nil
	}
	return h
}

func headers() []row {
	upstream := &types.Header{ // the header of upstream's TestHeaderHash
		Version: cmtversion.Consensus{Block: 1, App: 2}, ChainID: "chainId", Height: 3,
		Time:           time.Date(2019, 10, 13, 16, 14, 44, 0, time.UTC),
		LastBlockID:    types.BlockID{Hash: make([]byte, 32), PartSetHeader: types.PartSetHeader{Total: 6, Hash: make([]byte, 32)}},
		LastCommitHash: sum("last_commit_hash"), DataHash: sum("data_hash"), ValidatorsHash: sum("validators_hash"),
		NextValidatorsHash: sum("next_validators_hash"), ConsensusHash: sum("consensus_hash"), AppHash: sum("app_hash"),
		LastResultsHash: sum("last_results_hash"), EvidenceHash: sum("evidence_hash"), ProposerAddress: sum("proposer_address")[:20],
	}
	rows := []row{}
	for _, h := range append([]*types.Header{upstream}, header(1), header(2), header(3), header(4), header(35)) {
		rows = append(rows, row{"bytes": x(must(h.ToProto().Marshal())), "hash": x(h.Hash()), "chain": h.ChainID,
			"height": h.Height, "nanoseconds": h.Time.Unix()*1_000_000_000 + int64(h.Time.Nanosecond())})
	}
	return rows
}

func ballots() []row {
	rows := []row{}
	add := func(chain string, v *types.Vote) {
		zero := v.Timestamp.IsZero()
		nanoseconds := int64(0)
		if !zero {
			nanoseconds = v.Timestamp.UnixNano()
		}
		rows = append(rows, row{"chain": chain, "kind": int(v.Type), "height": v.Height, "round": v.Round,
			"hash": x(v.BlockID.Hash), "total": v.BlockID.PartSetHeader.Total, "parts": x(v.BlockID.PartSetHeader.Hash),
			"no_time": zero, "nanoseconds": nanoseconds, "bytes": x(types.VoteSignBytes(chain, v.ToProto()))})
	}
	// the votes of upstream's TestVoteSignBytesTestVectors
	add("", &types.Vote{})
	add("", &types.Vote{Height: 1, Round: 1, Type: cmtproto.PrecommitType})
	add("", &types.Vote{Height: 1, Round: 1, Type: cmtproto.PrevoteType})
	add("", &types.Vote{Height: 1, Round: 1})
	add("test_chain_id", &types.Vote{Height: 1, Round: 1})
	for i := 0; i < 6; i++ {
		id := types.BlockID{Hash: random(32), PartSetHeader: types.PartSetHeader{Total: uint32(1 + i*200), Hash: random(32)}}
		add(chain, &types.Vote{Type: cmtproto.PrecommitType, Height: chance.Int63(), Round: int32(i), BlockID: id,
			Timestamp: start.Add(time.Duration(chance.Int63n(1e18)) - 5e17)})
	}
	return rows
}

func trees() []row {
	rows := []row{}
	for n := 0; n <= 17; n++ {
		leaves := [][]byte{}
		for i := 0; i < n; i++ {
			leaves = append(leaves, random(i%5*7))
		}
		root, proofs := merkle.ProofsFromByteSlices(leaves)
		paths := [][]string{}
		for _, p := range proofs {
			paths = append(paths, hashes(p.Aunts))
		}
		rows = append(rows, row{"leaves": hashes(leaves), "root": x(root), "paths": paths})
	}
	return rows
}

func results() []row {
	rows := []row{}
	for n := 0; n <= 9; n++ {
		given, all, paths := []row{}, []*abci.ExecTxResult{}, [][]string{}
		for i := 0; i < n; i++ {
			r := &abci.ExecTxResult{Code: uint32(i * i * 90), Data: random(i % 3 * 16), GasWanted: int64(i-2) * 1e9,
				GasUsed: int64(i % 2), Log: "not hashed", Info: "nor this", Codespace: "nor that"}
			all = append(all, r)
			given = append(given, row{"code": r.Code, "data": x(r.Data), "wanted": r.GasWanted, "used": r.GasUsed})
		}
		list := types.NewResults(all)
		for i := 0; i < n; i++ {
			p := list.ProveResult(i)
			paths = append(paths, hashes(p.Aunts))
		}
		rows = append(rows, row{"results": given, "hash": x(list.Hash()), "paths": paths})
	}
	return rows
}

func transactions() []row {
	rows := []row{}
	for n := 0; n <= 7; n++ {
		txs := types.Txs{}
		for i := 0; i < n; i++ {
			txs = append(txs, random(chance.Intn(40)))
		}
		list, paths := [][]byte{}, [][]string{}
		for i, tx := range txs {
			list, paths = append(list, tx), append(paths, hashes(txs.Proof(i).Proof.Aunts))
		}
		rows = append(rows, row{"transactions": hashes(list), "hash": x(txs.Hash()), "paths": paths})
	}
	return rows
}

func parameters() []row {
	rows := []row{}
	for _, p := range [][2]int64{{22020096, -1}, {1 << 20, -1}, {1, 0}, {200000, 7}} {
		c := types.DefaultConsensusParams()
		c.Block.MaxBytes, c.Block.MaxGas = p[0], p[1]
		rows = append(rows, row{"max_bytes": p[0], "max_gas": p[1], "hash": x(c.Hash())})
	}
	return rows
}

// ---- a chain whose validators change ----

type member struct {
	key   ed25519.PrivKey
	power int64
}

type sealed struct {
	block *types.Block
	id    types.BlockID
	vals  *types.ValidatorSet
	next  *types.ValidatorSet
	sh    *types.SignedHeader
}

func members(n int, power func(i int) int64) []member {
	out := []member{}
	for i := 0; i < n; i++ {
		out = append(out, member{ed25519.GenPrivKeyFromSecret([]byte(fmt.Sprint("validator ", i))), power(i)})
	}
	return out
}

func set(ms []member) *types.ValidatorSet {
	vals := []*types.Validator{}
	for _, m := range ms {
		vals = append(vals, types.NewValidator(m.key.PubKey(), m.power))
	}
	return types.NewValidatorSet(vals)
}

func sign(ms []member, vals *types.ValidatorSet, chain string, height int64, round int32, id types.BlockID, at time.Time,
	flags map[int]types.BlockIDFlag) *types.Commit {
	sigs := make([]types.CommitSig, vals.Size())
	for _, m := range ms {
		i, _ := vals.GetByAddress(m.key.PubKey().Address())
		flag, ok := flags[int(i)]
		if !ok {
			flag = types.BlockIDFlagCommit
		}
		if flag == types.BlockIDFlagAbsent {
			sigs[i] = types.NewCommitSigAbsent()
			continue
		}
		when := at.Add(time.Duration(i) * time.Millisecond)
		voted := id
		if flag == types.BlockIDFlagNil {
			voted = types.BlockID{}
		}
		v := &types.Vote{Type: cmtproto.PrecommitType, Height: height, Round: round, BlockID: voted, Timestamp: when}
		sigs[i] = types.CommitSig{BlockIDFlag: flag, ValidatorAddress: m.key.PubKey().Address(), Timestamp: when,
			Signature: must(m.key.Sign(types.VoteSignBytes(chain, v.ToProto())))}
	}
	return &types.Commit{Height: height, Round: round, BlockID: id, Signatures: sigs}
}

func grow(plan [][]member) []sealed {
	out := []sealed{}
	last, lastID := &types.Commit{}, types.BlockID{}
	for i := 0; i+1 < len(plan); i++ {
		vals, next := set(plan[i]), set(plan[i+1])
		txs := []types.Tx{}
		for j := 0; j < i*i; j++ {
			txs = append(txs, random(chance.Intn(900)))
		}
		if i == 3 {
			txs = append(txs, random(150_000), types.Tx{})
		}
		b := types.MakeBlock(int64(i+1), txs, last, nil)
		at := start.Add(time.Duration(i) * time.Second)
		b.Header.Populate(cmtversion.Consensus{Block: 11, App: 1}, chain, at, lastID, vals.Hash(), next.Hash(),
			types.DefaultConsensusParams().Hash(), random(32), random(32), vals.Validators[0].Address)
		parts := must(b.MakePartSet(types.BlockPartSizeBytes))
		lastID = types.BlockID{Hash: b.Hash(), PartSetHeader: parts.Header()}
		last = sign(plan[i], vals, chain, b.Height, int32(i%3), lastID, at, map[int]types.BlockIDFlag{})
		out = append(out, sealed{b, lastID, vals, next, &types.SignedHeader{Header: &b.Header, Commit: last}})
	}
	return out
}

var pool, places = []any{}, map[string]int{}

// Keeps a value once; the rows name it by its place.
func kept(value any) int {
	name := string(must(json.Marshal(value)))
	if _, ok := places[name]; !ok {
		places[name] = len(pool)
		pool = append(pool, value)
	}
	return places[name]
}

func valrow(v *types.ValidatorSet) int {
	rows := [][]any{}
	for _, w := range v.Validators {
		rows = append(rows, []any{x(w.PubKey.Bytes()), w.VotingPower})
	}
	return kept(rows)
}

func plan() [][]member {
	equal := members(9, func(int) int64 { return 10 })
	uneven := members(9, func(i int) int64 { return int64(1 + i*i) })
	return [][]member{equal[:4], equal[:4], equal[:5], equal[1:5], equal[1:6], equal[2:7], uneven[2:8], uneven[3:9],
		uneven[:1], equal[:1], equal[:1], equal[5:9], equal[5:9]}
}

func blocks(grown []sealed) []row {
	rows := []row{}
	for _, s := range grown {
		pb := must(s.block.ToProto())
		data := must(pb.Marshal())
		r := row{"hash": x(s.id.Hash), "total": s.id.PartSetHeader.Total, "parts": x(s.id.PartSetHeader.Hash),
			"header": kept(x(must(s.block.Header.ToProto().Marshal()))), "commit": kept(x(must(s.sh.Commit.ToProto().Marshal()))),
			"commit_hash": x(s.sh.Commit.Hash()), "validators": valrow(s.vals), "validators_hash": x(s.vals.Hash())}
		if len(data) < 9_000 {
			r["bytes"] = x(data)
		}
		rows = append(rows, r)
	}
	return rows
}

// ---- what the light client says ----

func verdict(trusted, s sealed, now time.Time, period time.Duration) row {
	err := light.Verify(trusted.sh, trusted.next, s.sh, s.vals, period, now, 10*time.Second, light.DefaultTrustLevel)
	said := ""
	if err != nil {
		said = err.Error()
		if len(said) > 90 {
			said = said[:90]
		}
	}
	return row{"trusted": kept(x(must(trusted.sh.Header.ToProto().Marshal()))), "announced": valrow(trusted.next),
		"header": kept(x(must(s.sh.Header.ToProto().Marshal()))), "commit": kept(x(must(s.sh.Commit.ToProto().Marshal()))),
		"validators": valrow(s.vals), "now": now.UnixNano(), "period": period.Nanoseconds(), "holds": err == nil, "said": said}
}

func with(s sealed, change func(h *types.Header), ms []member, flags map[int]types.BlockIDFlag) sealed {
	h := *s.sh.Header
	change(&h)
	id := types.BlockID{Hash: h.Hash(), PartSetHeader: s.id.PartSetHeader}
	commit := sign(ms, s.vals, h.ChainID, h.Height, 1, id, h.Time, flags)
	return sealed{s.block, id, s.vals, s.next, &types.SignedHeader{Header: &h, Commit: commit}}
}

func verdicts(p [][]member, grown []sealed) []row {
	rows := []row{}
	day, now := 24*time.Hour, start.Add(time.Hour)
	add := func(name string, trusted, s sealed, now time.Time, period time.Duration) {
		r := verdict(trusted, s, now, period)
		r["name"] = name
		rows = append(rows, r)
	}
	for i := range grown {
		for j := range grown {
			add(fmt.Sprintf("from %d to %d", i+1, j+1), grown[i], grown[j], now, day)
		}
	}
	same := func(*types.Header) {}
	all := map[int]types.BlockIDFlag{}
	absent, void := types.BlockIDFlagAbsent, types.BlockIDFlagNil
	t, s := grown[0], grown[1] // four validators of equal power
	add("expired", t, s, start.Add(day), day)
	add("just not expired", t, s, start.Add(day-1), day)
	add("from the future", t, s, s.sh.Time.Add(-10*time.Second), day)
	add("hardly in the future", t, s, s.sh.Time.Add(-10*time.Second+1), day)
	add("signed again", t, with(s, same, p[1], all), now, day)
	add("three of four", t, with(s, same, p[1], map[int]types.BlockIDFlag{2: absent}), now, day)
	add("two of four", t, with(s, same, p[1], map[int]types.BlockIDFlag{2: absent, 0: absent}), now, day)
	add("one voted for nothing", t, with(s, same, p[1], map[int]types.BlockIDFlag{1: void}), now, day)
	add("two voted for nothing", t, with(s, same, p[1], map[int]types.BlockIDFlag{1: void, 3: void}), now, day)
	add("other chain", t, with(s, func(h *types.Header) { h.ChainID = "other" }, p[1], all), now, day)
	add("other block protocol", t, with(s, func(h *types.Header) { h.Version.Block = 10 }, p[1], all), now, day)
	add("same time", t, with(s, func(h *types.Header) { h.Time = t.sh.Time }, p[1], all), now, day)
	add("earlier", t, with(s, func(h *types.Header) { h.Time = h.Time.Add(-time.Hour) }, p[1], all), now, day)
	add("same height", t, with(s, func(h *types.Header) { h.Height = 1 }, p[1], all), now, day)
	add("lower height", grown[4], with(grown[4], func(h *types.Header) { h.Height = 2; h.Time = h.Time.Add(1) }, p[4], all), now, day)
	add("other validators hash", t, with(s, func(h *types.Header) { h.ValidatorsHash = random(32) }, p[1], all), now, day)
	for i := 0; i < 8; i++ { // one bit of one field of the commit
		bad := with(s, same, p[1], all)
		sig := &bad.sh.Commit.Signatures[i%3]
		switch i / 3 {
		case 0:
			sig.Signature[chance.Intn(64)] ^= 1 << (i % 8)
		case 1:
			sig.Timestamp = sig.Timestamp.Add(1)
		default:
			sig.ValidatorAddress = bad.vals.Validators[3].Address
		}
		add(fmt.Sprintf("bad vote %d", i), t, bad, now, day)
	}
	twice := with(s, same, p[1], all)
	twice.sh.Commit.Signatures[1] = twice.sh.Commit.Signatures[0]
	add("one vote twice", t, twice, now, day)
	short := with(s, same, p[1], all)
	short.sh.Commit.Signatures = short.sh.Commit.Signatures[:3]
	add("too few votes", t, short, now, day)
	wrong := with(s, same, p[1], all)
	wrong.sh.Commit.BlockID.Hash = random(32)
	add("commit for another block", t, wrong, now, day)
	round := with(s, same, p[1], all)
	round.sh.Commit.Round = 2
	add("commit of another round", t, round, now, day)
	high := with(s, same, p[1], all)
	high.sh.Commit.Height = 3
	add("commit of another height", t, high, now, day)
	for mask := 0; mask < 32; mask++ { // who of five signed, seen from a set that shares two or three of them
		flags := map[int]types.BlockIDFlag{}
		for i := 0; i < 5; i++ {
			if mask>>i&1 == 1 {
				flags[i] = []types.BlockIDFlag{absent, void}[i%2]
			}
		}
		add(fmt.Sprintf("skip, %05b missing", mask), grown[1], with(grown[5], same, p[5], flags), now, day)
		add(fmt.Sprintf("skip further, %05b missing", mask), grown[0], with(grown[5], same, p[5], flags), now, day)
	}
	return rows
}

func main() {
	p := plan()
	grown := grow(p)
	named := []row{{"headers": headers()}, {"ballots": ballots()}, {"trees": trees()}, {"results": results()},
		{"transactions": transactions()}, {"parameters": parameters()}, {"blocks": blocks(grown)},
		{"verdicts": verdicts(p, grown)}}
	named = append(named, row{"pool": pool})
	out := "{"
	for i, part := range named { // one line a row, so that a change shows
		for name, rows := range part {
			if i > 0 {
				out += ","
			}
			out += fmt.Sprintf("\n%q: [", name)
			list := []json.RawMessage{}
			if err := json.Unmarshal(must(json.Marshal(rows)), &list); err != nil {
				panic(err)
			}
			for j, one := range list {
				if j > 0 {
					out += ","
				}
				out += "\n" + string(one)
			}
			out += "]"
		}
	}
	if err := os.WriteFile("vectors.json", []byte(out+"\n}\n"), 0o644); err != nil {
		panic(err)
	}
}
