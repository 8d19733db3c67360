import { z } from "zod";
import { configSchema } from "./schema.ts";

/**
 * A scalar, or a list of scalars: what one environment variable can set. Where a scalar is short for
 * a mapping, it and the keys of the mapping are there.
 */
export interface Setting {
  path: string[];
  isList: boolean;
}

/** All that the schema knows, with the settings of an upstream for each of `hosts`. */
export function listSettings(hosts: string[]): Setting[] {
  return listBelow(configSchema, [], hosts);
}

/** The keys that a mapping may have; undefined: any, or it is no mapping. */
export function findKnownKeys(path: readonly PropertyKey[]): string[] | undefined {
  let schema: z.core.$ZodType | undefined = configSchema;
  for (const key of path) {
    const mapping = unwrapMapping(schema);
    schema = mapping && findBelow(mapping, String(key));
  }
  const mapping = unwrapMapping(schema);
  return mapping instanceof z.ZodObject ? Object.keys(mapping.shape) : undefined;
}

function findBelow(schema: z.core.$ZodType, key: string): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject) return schema.shape[key];
  if (schema instanceof z.ZodArray) return schema.element;
  return schema instanceof z.ZodRecord ? schema.valueType : undefined;
}

function listBelow(
  schema: z.core.$ZodType | undefined,
  path: string[],
  hosts: string[],
): Setting[] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, below]) =>
      listBelow(below, [...path, key], hosts),
    );
  }
  if (inner instanceof z.ZodUnion) {
    return inner.options.flatMap((option) => listBelow(option, path, hosts));
  }
  if (inner instanceof z.ZodRecord) {
    if (!(unwrap(inner.valueType) instanceof z.ZodObject)) return [];
    return hosts.flatMap((host) => listBelow(inner.valueType, [...path, host], hosts));
  }
  if (!(inner instanceof z.ZodArray)) return [{ path, isList: false }];
  return unwrap(inner.element) instanceof z.ZodObject ? [] : [{ path, isList: true }];
}

/** Of a scalar that is short for a mapping: the mapping. */
function unwrapMapping(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodUnion)) return inner;
  return inner.options.find((option) => option instanceof z.ZodObject);
}

function unwrap(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  const isWrapped = schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional;
  if (isWrapped) return unwrap(schema.unwrap());
  const isPreprocessed = schema instanceof z.ZodPipe && schema.in instanceof z.ZodTransform;
  return isPreprocessed ? unwrap(schema.out) : schema;
}
