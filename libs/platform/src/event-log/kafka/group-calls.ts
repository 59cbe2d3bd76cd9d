/* Calls about groups: what they committed, and membership. */
import { refuse, type PartitionAt } from './cluster-calls.ts';
import type { KafkaCall } from './kafka-node.ts';
import type { GroupOffset } from './transaction-calls.ts';
import { WireWriter } from './wire.ts';

export interface GroupOffsets {
  readonly group: string;
  readonly code: number;
  readonly offsets: readonly (GroupOffset & { readonly code: number })[];
}

/**
 * What groups committed, everywhere or on one partition. With `isSettled`, an offset that an undecided transaction is about to move carries
 * `UNSTABLE_OFFSET_COMMIT`; else it is the one before.
 */
export function fetchOffsetsCall(groups: readonly string[], { at, isSettled }: { readonly at?: PartitionAt; readonly isSettled: boolean }): KafkaCall<{ readonly groups: readonly GroupOffsets[] }> {
  return {
    name: 'OffsetFetch',
    key: 9,
    version: 8,
    flexible: true,
    write: () => {
      const out = new WireWriter();
      out.compactArray(groups, (group) => {
        out.compactString(group);
        if (at === undefined) out.uvarint(0);
        else out.compactArray([at], ({ topic, partition }) => out.compactString(topic).compactArray([partition], (number) => out.int32(number)).noTags());
        out.noTags();
      });
      return out.int8(isSettled ? 1 : 0).noTags();
    },
    read: (answer) => {
      answer.int32();
      const found = answer.compactArray(() => {
        const group = answer.compactString() ?? '';
        const offsets = answer.compactArray(() => {
          const topic = answer.compactString() ?? '';
          const partitions = answer.compactArray(() => {
            const partition = answer.int32();
            const offset = answer.int64();
            answer.int32();
            const metadata = answer.compactString() ?? '';
            const code = answer.int16();
            answer.skipTags();
            return { topic, partition, offset, metadata, code };
          });
          answer.skipTags();
          return partitions;
        });
        const code = answer.int16();
        answer.skipTags();
        return { group, code, offsets: offsets.flat() };
      });
      return { groups: found };
    },
  };
}

/** Groups that one broker coordinates. */
export function listGroupsCall(): KafkaCall<{ readonly groups: readonly string[] }> {
  return {
    name: 'ListGroups',
    key: 16,
    version: 2,
    write: () => new WireWriter(),
    read: (answer) => {
      answer.int32();
      refuse(answer.int16(), 'listing the groups');
      return { groups: answer.array(() => ({ group: answer.string() ?? '', kind: answer.string() })).map(({ group }) => group) };
    },
  };
}

export interface GroupPlace {
  readonly group: string;
  readonly memberId: string;
  readonly generation: number;
}

export interface JoinedGroup {
  /** Set when the coordinator wants the call again with the member id that it gives here. */
  readonly code: number;
  readonly generation: number;
  readonly leaderId: string;
  readonly memberId: string;
  /** Only for the leader: every member with what it sent along. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[];
}

/** Waits on the broker until every member has joined. */
export function joinGroupCall(
  group: string,
  member: { readonly memberId: string; readonly metadata: Buffer; readonly protocol: string; readonly sessionTimeoutMs: number; readonly rebalanceTimeoutMs: number },
): KafkaCall<JoinedGroup> {
  return {
    name: 'JoinGroup',
    key: 11,
    version: 5,
    holdMs: member.rebalanceTimeoutMs,
    write: () => {
      const out = new WireWriter().string(group).int32(member.sessionTimeoutMs).int32(member.rebalanceTimeoutMs);
      out.string(member.memberId).string(null).string('consumer');
      return out.array([member.protocol], (name) => out.string(name).sizedBytes(member.metadata));
    },
    read: (answer) => {
      answer.int32();
      const code = answer.int16();
      const generation = answer.int32();
      answer.string();
      const leaderId = answer.string() ?? '';
      const memberId = answer.string() ?? '';
      const members = answer.array(() => {
        const id = answer.string() ?? '';
        answer.string();
        return { memberId: id, metadata: answer.sizedBytes() };
      });
      return { code, generation, leaderId, memberId, members };
    },
  };
}

/** Hands out (as leader) and collects the assignment. */
export function syncGroupCall(place: GroupPlace, assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[], holdMs: number): KafkaCall<{ readonly assignment: Buffer }> {
  return {
    name: 'SyncGroup',
    key: 14,
    version: 3,
    holdMs,
    write: () => {
      const out = placed(place).string(null);
      return out.array(assignments, ({ memberId, assignment }) => out.string(memberId).sizedBytes(assignment));
    },
    read: (answer) => {
      answer.int32();
      refuse(answer.int16(), `collecting the assignment of group ${place.group}`);
      return { assignment: answer.sizedBytes() };
    },
  };
}

export function heartbeatCall(place: GroupPlace): KafkaCall<Readonly<Record<string, never>>> {
  return {
    name: 'Heartbeat',
    key: 12,
    version: 3,
    write: () => placed(place).string(null),
    read: (answer) => {
      answer.int32();
      refuse(answer.int16(), `staying in group ${place.group}`);
      return {};
    },
  };
}

export function leaveGroupCall({ group, memberId }: GroupPlace): KafkaCall<Readonly<Record<string, never>>> {
  return {
    name: 'LeaveGroup',
    key: 13,
    version: 1,
    write: () => new WireWriter().string(group).string(memberId),
    read: (answer) => {
      answer.int32();
      refuse(answer.int16(), `leaving group ${group}`);
      return {};
    },
  };
}

function placed({ group, generation, memberId }: GroupPlace): WireWriter {
  return new WireWriter().string(group).int32(generation).string(memberId);
}
