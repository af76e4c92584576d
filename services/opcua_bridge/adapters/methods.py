"""Which method a client means: it may name the one of the object's type instead of the object's own (10000-4, 5.12.2).

asyncua knows only methods by their own ids. Who may call, and what is called, must be decided about the same one.
"""

from collections.abc import Iterator

from asyncua import ua
from asyncua.server.address_space import AddressSpace

_TYPE_OF = ua.NodeId(ua.ObjectIds.HasTypeDefinition)
_SUBTYPE = ua.NodeId(ua.ObjectIds.HasSubtype)
_COMPONENT = ua.NodeId(ua.ObjectIds.HasComponent)


def meant(space: AddressSpace, of: ua.NodeId, method: ua.NodeId) -> ua.NodeId:
    """The object's own method for its type's, or for one of a supertype; any other id as it is."""
    if method not in space or method in _methods(space, of):
        return method
    if not any(method in _methods(space, one) for one in _types(space, of)):
        return method
    name = _name(space, method)
    own = (one for one in _methods(space, of) if _name(space, one) == name)
    return next(own, method)


def _types(space: AddressSpace, of: ua.NodeId) -> Iterator[ua.NodeId]:
    """The type of an object, and its supertypes."""
    found = next(_targets(space, of, _TYPE_OF), None)
    while found is not None:
        yield found
        found = next(_targets(space, found, _SUBTYPE, forward=False), None)


def _methods(space: AddressSpace, of: ua.NodeId) -> list[ua.NodeId]:
    return list(_targets(space, of, _COMPONENT))


def _targets(space: AddressSpace, of: ua.NodeId, kind: ua.NodeId, *, forward: bool = True) -> Iterator[ua.NodeId]:
    node = space.get(of)
    for one in node.references if node else ():
        if one.ReferenceTypeId == kind and one.IsForward == forward:
            yield one.NodeId


def _name(space: AddressSpace, node: ua.NodeId) -> ua.QualifiedName:
    said = space[node].attributes[ua.AttributeIds.BrowseName].value
    return said.Value.Value if said and said.Value else ua.QualifiedName()
