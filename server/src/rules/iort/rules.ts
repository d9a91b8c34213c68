// The rules about an IORT, in the order in which they are listed: table, nodes, mappings, each kind of node, the text.
import type { TableRule } from '../table-rule';
import { iortMappingGap } from './coverage';
import {
  iortChecksum,
  iortNodeCount,
  iortNodeOffset,
  iortReserved,
  iortTableLength,
  iortTableRevision,
} from './header';
import { iortItsDuplicate, iortItsEmpty, iortItsMappings, iortItsUnknown } from './its';
import { iortIwb } from './iwb';
import {
  iortFlagBits,
  iortMappingCountSuspect,
  iortMappingOffByOne,
  iortMappingOutsideNode,
  iortMappingOverlap,
  iortMappingRange,
} from './mappings';
import { iortNcRangeMapping, iortSmmuBypass } from './master-mappings';
import { iortMemAttributes, iortMemBits, iortNcLimit, iortRcLimit } from './masters';
import { iortNcFlags, iortNcName, iortNcPadding } from './named-component';
import { iortIdentifier, iortNodeGap, iortNodeLength, iortNodeRevision, iortNodeTooShort, iortNodeType } from './nodes';
import { iortPmcgIrq, iortPmcgPage1, iortPmcgRef } from './pmcg';
import { iortRefLoop, iortRefNotNode, iortRefNull, iortRefType } from './references';
import { iortSmmuSpan, iortSmmuv3Base } from './registers';
import { iortRmrAlign, iortRmrFlags, iortRmrLengthZero, iortRmrNoDescriptor } from './rmr';
import { iortRmrNoMapping, iortRmrOverlap, iortRmrTableRevision, iortRmrTarget } from './rmr';
import { iortRmrDoorbell, iortRmrNoMaster, iortRmrPciPreserve, iortRmrVfio } from './rmr-effects';
import { iortRcAts, iortRcPasid, iortRcSegmentDuplicate } from './root-complex';
import { iortMappingOutputOverlap, iortSingleHides, iortSingleType, iortSmmuNoIts } from './routing';
import { iortSmmuIrqArrays, iortSmmuIrqMissing, iortSmmuModel, iortSmmuNotCoherent } from './smmu';
import {
  iortSmmuv3Flags,
  iortSmmuv3Gsiv,
  iortSmmuv3IndexNotSingle,
  iortSmmuv3IndexRange,
  iortSmmuv3Pxm,
} from './smmuv3';
import { iortStreamIdRange } from './stream-ids';
import { iortIaslLossy, iortTextComputedMismatch, iortTextDecimal, iortTextFlagMismatch } from './text';

const inOrder: readonly TableRule[] = [
  iortTableLength,
  iortChecksum,
  iortTableRevision,
  iortNodeCount,
  iortNodeOffset,
  iortReserved,
  iortNodeLength,
  iortNodeTooShort,
  iortNodeGap,
  iortNodeType,
  iortNodeRevision,
  iortIdentifier,
  iortMappingOutsideNode,
  iortRefNull,
  iortRefNotNode,
  iortRefType,
  iortRefLoop,
  iortMappingOverlap,
  iortMappingOffByOne,
  iortMappingCountSuspect,
  iortMappingGap,
  iortMappingRange,
  iortStreamIdRange,
  iortMappingOutputOverlap,
  iortFlagBits,
  iortSingleType,
  iortSingleHides,
  iortNcRangeMapping,
  iortSmmuBypass,
  iortSmmuNoIts,
  iortItsEmpty,
  iortItsMappings,
  iortItsUnknown,
  iortItsDuplicate,
  iortSmmuv3Base,
  iortSmmuNotCoherent,
  iortSmmuv3Flags,
  iortSmmuv3Gsiv,
  iortSmmuv3IndexRange,
  iortSmmuv3IndexNotSingle,
  iortSmmuv3Pxm,
  iortSmmuModel,
  iortSmmuSpan,
  iortSmmuIrqArrays,
  iortSmmuIrqMissing,
  iortPmcgIrq,
  iortPmcgRef,
  iortPmcgPage1,
  iortNcName,
  iortNcPadding,
  iortNcLimit,
  iortNcFlags,
  iortMemAttributes,
  iortMemBits,
  iortRcSegmentDuplicate,
  iortRcLimit,
  iortRcAts,
  iortRcPasid,
  iortRmrTableRevision,
  iortRmrAlign,
  iortRmrLengthZero,
  iortRmrOverlap,
  iortRmrNoMapping,
  iortRmrNoDescriptor,
  iortRmrTarget,
  iortRmrNoMaster,
  iortRmrPciPreserve,
  iortRmrFlags,
  iortRmrDoorbell,
  iortRmrVfio,
  iortIwb,
  iortTextFlagMismatch,
  iortTextComputedMismatch,
  iortTextDecimal,
  iortIaslLossy,
];

/** What a rule about a node takes for granted: that the node is there, and its mappings with it. */
const foundations = [iortNodeOffset.id, iortNodeLength.id, iortMappingOutsideNode.id];

/** These find it out. */
const founding: readonly TableRule[] = [
  iortTableLength,
  iortChecksum,
  iortNodeOffset,
  iortNodeLength,
  iortMappingOutsideNode,
  iortItsMappings,
];

export const iortRules: readonly TableRule[] = inOrder.map((rule) => {
  const own = founding.indexOf(rule);
  return { ...rule, foundations: own < 0 ? foundations : own < 3 ? [] : foundations.slice(0, own === 3 ? 1 : 2) };
});
