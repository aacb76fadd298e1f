/**
 * The tree of a segment in the document: a component made from the schema that validates trees. It refers to itself, which the
 * document's builder cannot follow, so operations name the component, and its content is put in afterwards.
 */
import { z } from '@hono/zod-openapi';
import { treeSchema } from '@muster/segments';

export const TREE_COMPONENT = 'SegmentTree';

/** Stands for a tree in the bodies and answers of operations. */
export const treeReference = z.looseObject({}).openapi(TREE_COMPONENT);

/** JSON Schema of a tree, as OpenAPI 3.1 takes it. */
export function treeComponent(): unknown {
  const { $schema: _, ...schema } = z.toJSONSchema(treeSchema('UTC'), { io: 'input' });
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#"', `"$ref":"#/components/schemas/${TREE_COMPONENT}"`));
}
